"""`notifier resolve`, `cancel`, `redrive`, `bring-forward`: change deliveries, with a reason for the journal."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

import typer

from notifier.cli.actor import actor
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.channel import ChannelOption, check_found
from notifier.cli.options.reason import Reason, given
from notifier.cli.options.selecting import (
    Because,
    KeyOption,
    RecipientOption,
    RouteOption,
    ScheduledOption,
    TableOption,
    recipients_of,
)
from notifier.cli.options.window import Since, Until, check_window, print_window, window_start
from notifier.cli.terminal.output import Json, print_json, say
from notifier.database.engine import Engine
from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.ids import bounds, resolved
from notifier.outbox import Operations, Report, Selection

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids, or their first characters; none: all that the options select."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show how many it would be; change nothing.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Deliveries of all days that are kept; required if no other option selects.")
]

_MAYBE_SENT = "their last answer was lost, so they may have been accepted; --maybe-sent includes them"

_INSTEAD: Mapping[str, str] = {
    Status.PENDING: "it waits to be sent; `notifier cancel` prevents that",
    Status.SENDING: "an attempt is in progress; its outcome will be recorded",
    Status.UNKNOWN: "`notifier resolve` settles it",
    Status.FAILED: "`notifier redrive` tries it again",
    Status.MERGED: "its event is in the message of its leader: `notifier show` names that, and its fate is shared",
    Status.SHADOWED: "it was built and not sent; `notifier redrive --shadowed` has it decided anew: docs/adopting.md",
}
"""What an operator reads if a command did not change a delivery of this status: what happens next, or what to do."""


def resolve(
    notification: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, or the first characters of it; its outcome is unknown.")
    ],
    reason: Reason,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent: there is evidence.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it again; people may get it twice.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Give it up.")] = False,
    json: Json = False,
) -> None:
    """Settle an attempt whose outcome is unknown. Exit 1 if it is not unknown (any more)."""
    chosen = [to for to, wanted in ((Status.SENT, sent), (Status.PENDING, resend), (Status.FAILED, failed)) if wanted]
    if len(chosen) != 1:
        raise UsageError("say one of --sent, --resend, --failed")
    why = given(reason)
    bounds(notification)
    with connected() as engine:
        (id_,) = resolved(Report(engine), [notification])
        done = Operations(engine, actor=actor()).resolve(id_, chosen[0], why)
        now = Report(engine).statuses([id_])
    if json:
        print_json({"resolved": done, "to": chosen[0]})
    elif done:
        say(f"{id_} is {chosen[0]} now")
    if not done:
        _print_left(now, "only what is unknown is resolved")
        raise typer.Exit(1)


def cancel(
    reason: Reason,
    notifications: Ids = None,
    *,
    channel: ChannelOption = "",
    route: RouteOption = "",
    table: TableOption = "",
    recipient: RecipientOption = "",
    key: KeyOption = None,
    because: Because = "",
    scheduled: ScheduledOption = False,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Cancel deliveries that are still pending: they will not be sent. Exit 1 if one of the ids is not pending."""
    why = given(reason)
    selection = Selection(
        channel=channel, route=route, table=table, because=because, recipients=recipients_of(recipient, channel),
        keys=key or (), since=since, until=until, scheduled=scheduled,
    )  # fmt: skip
    _check(selection, notifications, everything)
    with _selected(selection, notifications, Status.PENDING, everything, "is pending is cancelled") as chosen:
        if dry_run:
            chosen.count = chosen.operations.count(chosen.selection, Status.PENDING)
            _print_dry_run("cancel", chosen.count, json)
        else:
            _print_progress("cancelled", chosen, chosen.operations.cancel(chosen.selection, why), json)


def redrive(
    reason: Reason,
    notifications: Ids = None,
    *,
    channel: ChannelOption = "",
    route: RouteOption = "",
    table: TableOption = "",
    recipient: RecipientOption = "",
    key: KeyOption = None,
    because: Because = "",
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    per_second: Annotated[float, typer.Option(min=0.01, help="How many become due a second.")] = 100.0,
    maybe_sent: Annotated[
        bool,
        typer.Option("--maybe-sent", help="Also what may have been accepted: people may get it twice."),
    ] = False,
    shadowed: Annotated[
        bool,
        typer.Option(
            "--shadowed", help="Shadowed deliveries instead: what the workers do not hold in shadow any more is sent."
        ),
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Send failed deliveries again, spread over time, but not those that may have been accepted.

    Exit 1 if one of the ids is not tried again.
    """
    why = given(reason)
    _check_rate(per_second)
    source = Status.SHADOWED if shadowed else Status.FAILED
    selection = Selection(
        channel=channel, route=route, table=table, because=because, recipients=recipients_of(recipient, channel),
        keys=key or (), since=since, until=until,
    )  # fmt: skip
    _check(selection, notifications, everything)
    with _selected(selection, notifications, source, everything, f"is {source} is tried again") as chosen:
        operations, selection = chosen.operations, chosen.selection
        left_out = 0 if maybe_sent or shadowed else operations.count_maybe_sent(selection)
        if left_out:
            say(f"{left_out:,} left out: {_MAYBE_SENT}", err=True)
        if dry_run:
            chosen.count = operations.count(selection, source) - left_out
            _print_dry_run("redrive", chosen.count, json, left_out=left_out)
        else:
            batches = operations.redrive(selection, why, per_second=per_second, maybe_sent=maybe_sent, source=source)
            _print_progress("redriven", chosen, batches, json, left_out=left_out)


def bring_forward(
    reason: Reason,
    notifications: Ids = None,
    *,
    channel: ChannelOption = "",
    route: RouteOption = "",
    table: TableOption = "",
    recipient: RecipientOption = "",
    key: KeyOption = None,
    because: Because = "",
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    per_second: Annotated[float, typer.Option(min=0.01, help="How many become due a second.")] = 100.0,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """End the wait of deliveries whose route returned Later: its function runs now, spread over time.

    Quiet and business hours do not hold them any more. A member of a digest waits for its leader: bring that forward.
    Exit 1 if one of the ids does not wait for a time.
    """
    why = given(reason)
    _check_rate(per_second)
    selection = Selection(
        channel=channel, route=route, table=table, because=because, recipients=recipients_of(recipient, channel),
        keys=key or (), since=since, until=until,
    )  # fmt: skip
    _check(selection, notifications, everything)
    rule = "waits because its route returned Later is brought forward"
    with _selected(selection, notifications, Status.PENDING, everything, rule) as chosen:
        for id_, leader in chosen.report.leaders(chosen.selection.ids).items():
            say(f"{id_} waits for the message of its digest: bring its leader forward, {leader}", err=True)
        if dry_run:
            waiting = replace(chosen.selection, scheduled=True, members=False)
            chosen.count = chosen.operations.count(waiting, Status.PENDING)
            _print_dry_run("bring forward", chosen.count, json)
        else:
            batches = chosen.operations.bring_forward(chosen.selection, why, per_second=per_second)
            _print_progress("brought forward", chosen, batches, json)


@dataclass
class _Selected:
    """What a command changes. It sets `count`, how many deliveries it has changed or would change."""

    operations: Operations
    selection: Selection
    report: Report
    count: int = 0


@contextmanager
def _selected(
    selection: Selection, notifications: list[str] | None, source: Status, everything: bool, rule: str
) -> Iterator[_Selected]:
    """Connect, and find what is selected; after the block print what of the named ids was left, and why.

    `rule` goes on after "only what". Exit 1 if a delivery that was named was not changed.
    """
    with connected(LONG_SECONDS) as engine:
        selection, left = _chosen(engine, selection, notifications, source, everything)
        chosen = _Selected(Operations(engine, actor=actor()), selection, Report(engine))
        yield chosen
    _print_left(left, f"only what {rule}")
    _end(selection, chosen.count)


def _check_rate(per_second: float) -> None:
    if not math.isfinite(per_second):
        raise UsageError(f"--per-second {per_second} is no rate: say a number, as 100")


def _print_progress(what: str, chosen: _Selected, batches: Iterable[int], json: bool, **more: int) -> None:
    """Print the sum after each batch, and then when the last one is due."""
    for size in batches:
        chosen.count += size
        say(f"{chosen.count:,} {what}", err=True)
    if until := chosen.operations.until:
        say(f"the last one is due at {until:%Y-%m-%d %H:%M:%S} UTC", err=True)
    if json:
        print_json({what: chosen.count, **more})
    elif not chosen.count:
        say("none matches")


def _print_dry_run(what: str, count: int, json: bool, **more: int) -> None:
    if json:
        print_json({"would": what, "deliveries": count, **more})
    else:
        say(f"would {what} {count:,}")


def _print_left(left: Mapping[UUID, str], rule: str) -> None:
    """Print for each delivery that is not changed its status, and the command for that status."""
    for id_, status in left.items():
        say(f"{id_} is {status}: {_INSTEAD.get(status, f'{rule}; see: notifier show {id_}')}", err=True)


def _end(selection: Selection, count: int) -> None:
    """Exit 1 if a delivery that was named by its id was not changed. Raise SettingsError for an unknown channel."""
    check_found(selection.channel, found=count > 0)
    if count < len(selection.ids):
        raise typer.Exit(1)


def _check(selection: Selection, notifications: list[str] | None, everything: bool) -> None:
    """Raise UsageError for what can be found wrong without the database."""
    if not notifications and not everything and selection == Selection():
        raise UsageError("name ids, or select by an option; --all means all of them")
    check_window(selection.since, selection.until)
    for each in notifications or ():
        bounds(each)


def _chosen(
    engine: Engine, selection: Selection, notifications: list[str] | None, source: Status, everything: bool
) -> tuple[Selection, dict[UUID, str]]:
    """Return the selection with the ids that were named, and those of them that are not in the `source` status.

    If none was named and the selection has no start, it gets the default window, which is printed.
    """
    report = Report(engine)
    if notifications:
        ids = resolved(report, notifications)
        others = {id_: status for id_, status in report.statuses(ids).items() if status != source}
        return replace(selection, ids=ids), others
    if selection.since or selection.names_person:
        return selection, {}
    start = window_start(None, report.now(), everything)
    print_window(start, None)
    return replace(selection, since=start), {}
