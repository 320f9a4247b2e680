"""`notifier resolve`, `cancel`, `redrive`: change deliveries, each time with a reason that is kept."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from notifier.cli.options.ids import bounds, resolved
from notifier.cli.options.reason import Reason, given
from notifier.cli.options.window import Since, Until, check_window, tell_window, window_start
from notifier.cli.terminal.output import Json, check_channel, connected, operator, print_json, say
from notifier.errors import UsageError
from notifier.notifications import Status

if TYPE_CHECKING:
    from notifier.database.engine import Engine
    from notifier.outbox import Selection

_PATIENCE_SECONDS = 300  # one statement may read an hour of events

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Ids, or their first characters; none: all that the options select."),
]
Channel = Annotated[str, typer.Option(help="Only this channel.")]
Route = Annotated[str, typer.Option(help="Only this route.")]
Because = Annotated[str, typer.Option("--because", help="Only those whose reason holds this text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and change nothing.")]
Everything = Annotated[bool, typer.Option("--all", help="Of all days that are kept; needed where nothing selects.")]

_MAYBE_SENT = "their last answer was lost, so they may have been accepted; --maybe-sent takes them, too"

_INSTEAD = {
    Status.PENDING: "it waits for its turn; `notifier cancel` keeps it from being sent",
    Status.SENDING: "an attempt is under way; its outcome comes by itself",
    Status.UNKNOWN: "`notifier resolve` settles it",
    Status.FAILED: "`notifier redrive` tries it again",
}
"""What can be done about a delivery of this status. The others are final."""


def resolve(
    notification: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, or the first characters of it; its outcome is unknown.")
    ],
    reason: Reason,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent: there is evidence.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send again; it may be the second time.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Give up.")] = False,
    json: Json = False,
) -> None:
    """Settle an attempt whose outcome is unknown. Exit 1 where it is not unknown (any more)."""
    from notifier.outbox import Operations, Report

    chosen = [to for to, wanted in ((Status.SENT, sent), (Status.PENDING, resend), (Status.FAILED, failed)) if wanted]
    if len(chosen) != 1:
        raise UsageError("say one of --sent, --resend, --failed")
    why = given(reason)
    bounds(notification)
    with connected() as engine:
        (id_,) = resolved(Report(engine), [notification])
        done = Operations(engine, actor=operator()).resolve(id_, chosen[0], why)
        now = Report(engine).statuses([id_])
    if json:
        print_json({"resolved": done, "to": chosen[0]})
    elif done:
        say(f"{id_} is {chosen[0]} now")
    if not done:
        _tell_left(now, "only what is unknown is resolved")
        raise typer.Exit(1)


def cancel(
    reason: Reason,
    notifications: Ids = None,
    *,
    channel: Channel = "",
    route: Route = "",
    because: Because = "",
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Cancel what is still pending: no request leaves for it any more. Exit 1 where one of the ids is not pending."""
    from notifier.outbox import Operations, Selection

    why = given(reason)
    selection = Selection((), channel, route, because, since, until)
    _check(selection, notifications, everything)
    with connected(_PATIENCE_SECONDS) as engine:
        selection, left = _chosen(engine, selection, notifications, Status.PENDING, everything)
        operations = Operations(engine, actor=operator())
        if dry_run:
            count = operations.count(selection, Status.PENDING)
            _tell_dry("cancel", count, json)
        else:
            count = _tell("cancelled", operations.cancel(selection, why), json)
    _tell_left(left, "only what is pending is cancelled")
    _end(selection, count)


def redrive(
    reason: Reason,
    notifications: Ids = None,
    *,
    channel: Channel = "",
    route: Route = "",
    because: Because = "",
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    per_second: Annotated[float, typer.Option(min=0.01, help="So many become due a second.")] = 100.0,
    maybe_sent: Annotated[
        bool, typer.Option("--maybe-sent", help="Also what may have been accepted: it may be the second time.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Try again what has failed, from its first attempt on, spread over time. Not what may have been accepted.

    Exit 1 where one of the ids is not tried again.
    """
    from notifier.outbox import Operations, Selection

    why = given(reason)
    if not math.isfinite(per_second):
        raise UsageError(f"--per-second {per_second} is no rate: say a number, as 100")
    selection = Selection((), channel, route, because, since, until)
    _check(selection, notifications, everything)
    with connected(_PATIENCE_SECONDS) as engine:
        selection, left = _chosen(engine, selection, notifications, Status.FAILED, everything)
        operations = Operations(engine, actor=operator())
        left_out = 0 if maybe_sent else operations.count_maybe_sent(selection)
        if left_out:
            say(f"{left_out:,} left out: {_MAYBE_SENT}", err=True)
        if dry_run:
            count = operations.count(selection, Status.FAILED) - left_out
            _tell_dry("redrive", count, json, left_out=left_out)
        else:
            batches = operations.redrive(selection, why, per_second=per_second, maybe_sent=maybe_sent)
            count = _tell("redriven", batches, json, left_out=left_out)
    _tell_left(left, "only what has failed is tried again")
    _end(selection, count)


def _tell(what: str, batches: Iterable[int], json: bool, **more: int) -> int:
    total = 0
    for size in batches:
        total += size
        say(f"{total:,} {what}", err=True)
    if json:
        print_json({what: total, **more})
    elif not total:
        say("none matches")
    return total


def _tell_dry(what: str, count: int, json: bool, **more: int) -> None:
    if json:
        print_json({"would": what, "deliveries": count, **more})
    else:
        say(f"would {what} {count:,}")


def _tell_left(left: Mapping[UUID, Status], rule: str) -> None:
    """Of each delivery that is left as it is: where it stands, and which command is for that."""
    for id_, status in left.items():
        say(f"{id_} is {status}: {_INSTEAD.get(status, f'{rule}; see: notifier show {id_}')}", err=True)


def _end(selection: "Selection", count: int) -> None:
    """Exit 1 where something was named by its id and is left as it is. Raises SettingsError for no such channel."""
    check_channel(selection.channel, found=count > 0)
    if count < len(selection.ids):
        raise typer.Exit(1)


def _check(selection: "Selection", notifications: list[str] | None, everything: bool) -> None:
    """Raises UsageError before the database is asked."""
    from notifier.outbox import Selection

    if not notifications and not everything and selection == Selection():
        raise UsageError("name ids, or select by an option; --all means all of them")
    check_window(selection.since, selection.until)
    for each in notifications or ():
        bounds(each)


def _chosen(
    engine: "Engine", selection: "Selection", notifications: list[str] | None, source: Status, everything: bool
) -> "tuple[Selection, dict[UUID, Status]]":
    """The selection with the ids that were named, or else with the default window, which is told, where it has no
    start. And the named ones that are not in the `source` status.
    """
    from notifier.outbox import Report

    outbox = Report(engine)
    if notifications:
        ids = resolved(outbox, notifications)
        others = {id_: status for id_, status in outbox.statuses(ids).items() if status is not source}
        return replace(selection, ids=ids), others
    if selection.since:
        return selection, {}
    start = window_start(None, outbox.now(), everything)
    tell_window(start, None)
    return replace(selection, since=start), {}
