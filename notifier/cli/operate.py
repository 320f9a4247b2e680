"""`notifier resolve`, `cancel`, `redrive`: change deliveries, each time with a reason that is kept."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from notifier.cli.output import Json, connected, operator, print_json
from notifier.cli.window import Since, tell_window, utc, window_start
from notifier.errors import UsageError
from notifier.notifications import Status

if TYPE_CHECKING:
    from notifier.database import Engine
    from notifier.outbox import Selection

_PATIENCE_SECONDS = 300  # one statement may read an hour of events

Reason = Annotated[str, typer.Option(help="Why. It is kept with the deliveries.", show_default=False)]
Ids = Annotated[list[str] | None, typer.Argument(help="Ids of notifications; none: all that the options select.")]
Channel = Annotated[str, typer.Option(help="Only this channel.")]
Route = Annotated[str, typer.Option(help="Only this route.")]
Because = Annotated[str, typer.Option("--because", help="Only those whose reason holds this text.")]
Until = Annotated[datetime | None, typer.Option(help="Only events before this time (UTC).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how many it would be, and change nothing.")]
Everything = Annotated[bool, typer.Option("--all", help="Of all days that are kept; needed where nothing selects.")]

_MAYBE_SENT = "their last answer was lost, so they may have been accepted; --maybe-sent takes them, too"


def resolve(
    notification: Annotated[str, typer.Argument(help="Its id; its outcome is unknown.")],
    reason: Reason,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent: there is evidence.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send again; it may be the second time.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Give up.")] = False,
    json: Json = False,
) -> None:
    """Settle an attempt whose outcome is unknown. Exit 1 where it is not unknown (any more)."""
    from notifier.outbox import Operations

    chosen = [to for to, wanted in ((Status.SENT, sent), (Status.PENDING, resend), (Status.FAILED, failed)) if wanted]
    if len(chosen) != 1:
        raise UsageError("say one of --sent, --resend, --failed")
    (id_,) = _parsed([notification])
    with connected() as engine:
        done = Operations(engine, actor=operator()).resolve(id_, chosen[0], _given(reason))
    if json:
        print_json({"resolved": done, "to": chosen[0]})
    else:
        typer.echo(f"{id_} is {chosen[0]} now" if done else f"{id_} is not unknown; see: notifier show {id_}")
    if not done:
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
    """Cancel what is still pending: no request leaves for it any more."""
    from notifier.outbox import Operations, Selection

    selection = Selection(_parsed(notifications or []), channel, route, because, utc(since), utc(until))
    _check(selection == Selection(), everything)
    with connected(_PATIENCE_SECONDS) as engine:
        selection = _bounded(engine, selection, everything)
        operations = Operations(engine, actor=operator())
        if dry_run:
            _tell_dry("cancel", operations.count(selection, Status.PENDING), json)
        else:
            _tell("cancelled", operations.cancel(selection, _given(reason)), json)


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
    """Try again what has failed, from its first attempt on, spread over time. Not what may have been accepted."""
    from notifier.outbox import Operations, Selection

    selection = Selection(_parsed(notifications or []), channel, route, because, utc(since), utc(until))
    _check(selection == Selection(), everything)
    with connected(_PATIENCE_SECONDS) as engine:
        selection = _bounded(engine, selection, everything)
        operations = Operations(engine, actor=operator())
        left_out = 0 if maybe_sent else operations.count_maybe_sent(selection)
        if left_out:
            typer.echo(f"{left_out:,} left out: {_MAYBE_SENT}", err=True)
        if dry_run:
            _tell_dry("redrive", operations.count(selection, Status.FAILED) - left_out, json, left_out=left_out)
        else:
            batches = operations.redrive(selection, _given(reason), per_second=per_second, maybe_sent=maybe_sent)
            _tell("redriven", batches, json, left_out=left_out)


def _tell(what: str, batches: Iterable[int], json: bool, **more: int) -> None:
    total = 0
    for size in batches:
        total += size
        typer.echo(f"{total:,} {what}", err=True)
    if json:
        print_json({what: total, **more})
    elif not total:
        typer.echo("none matches")


def _tell_dry(what: str, count: int, json: bool, **more: int) -> None:
    if json:
        print_json({"would": what, "deliveries": count, **more})
    else:
        typer.echo(f"would {what} {count:,}")


def _check(unbounded: bool, everything: bool) -> None:
    if unbounded and not everything:
        raise UsageError("name ids, or select by an option; --all means all of them")


def _bounded(engine: "Engine", selection: "Selection", everything: bool) -> "Selection":
    """The selection with the default window, which is named, where it has neither ids nor a start."""
    from notifier.outbox import Report

    if selection.ids or selection.since:
        return selection
    start = window_start(None, Report(engine).now(), everything)
    tell_window(start, None)
    return replace(selection, since=start)


def _parsed(notifications: list[str]) -> tuple[UUID, ...]:
    found = []
    for each in notifications:
        try:
            found.append(UUID(each))
        except ValueError:
            raise UsageError(f"{each!r} is not the id of a notification") from None
    return tuple(found)


def _given(reason: str) -> str:
    if not reason.strip():
        raise UsageError("--reason is empty: say why, it is kept")
    return reason.strip()
