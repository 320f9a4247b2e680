"""`notifier list`: notifications by status, recipient, key, reason and more, in pages."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID

import typer

from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.channel import ChannelOption, check_found
from notifier.cli.options.reveal import note_recipients
from notifier.cli.options.selecting import KeyOption, RecipientOption, RouteOption, TableOption, recipients_of
from notifier.cli.options.window import History, Since, Until, check_window, print_window, window_start
from notifier.cli.terminal.output import Json, print_json, say, with_recipients
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.ids import matching, resolved
from notifier.outbox import MOST_COUNTED, SCHEDULED, Failures, Found, Report, Search, Selection

_COLUMNS = ("notification_id", "status", "route", "attempt", "recipient", "recorded_at", "reason")
_SCHEDULED_COLUMNS = ("notification_id", "next_attempt_at", "route", "reason", "recorded_at")
_SPARE = ("attempt", "recipient", "recorded_at", "route")
_GROUP_COLUMNS = ("failures", "route", "channel", "newest_at", "newest_id", "reason")
_LIMIT = 50


def list_(
    notifications: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or their first characters; none: the newest.")
    ] = None,
    *,
    status: Annotated[str, typer.Option(help="pending, sent, failed, ...; several: sent,failed; or scheduled.")] = "",
    channel: ChannelOption = "",
    route: RouteOption = "",
    table: TableOption = "",
    recipient: RecipientOption = "",
    key: KeyOption = None,
    because: Annotated[
        str, typer.Option("--because", "--reason", help="Only deliveries whose reason contains this text.")
    ] = "",
    since: Since = None,
    until: Until = None,
    everything: History = False,
    older_than: Annotated[
        str, typer.Option(metavar="ID", help="The page of those that are older than this one.")
    ] = "",
    newer_than: Annotated[
        str, typer.Option(metavar="ID", help="The page of those that are newer than this one.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, max=10_000, help=f"Most notifications to show; {_LIMIT} without it.")
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Only how many there are; counts up to 10,000.")] = False,
    by_reason: Annotated[
        bool, typer.Option("--by-reason", help="The failed ones in groups, by route and reason.")
    ] = False,
    reveal: Annotated[bool, typer.Option(help="Show recipients in full; it is journaled.")] = False,
    json: Json = False,
) -> None:
    """Notifications, newest first."""
    statuses = _statuses(status)
    scheduled = statuses == [SCHEDULED]
    if scheduled:
        statuses = [Status.PENDING]
    check_window(since, until)
    if older_than and newer_than:
        raise UsageError("--older-than and --newer-than are two pages: give one of them")
    of_rows = {"--limit": limit, "--older-than": older_than, "--newer-than": newer_than, "--reveal": reveal}
    idle = [name for name, given in of_rows.items() if given]
    _check_answer(statuses, idle, count=count, by_reason=by_reason)
    most = MOST_COUNTED + 1 if count or by_reason else limit or _LIMIT
    selection = Selection(
        channel=channel, route=route, table=table, because=because, recipients=recipients_of(recipient, channel),
        keys=key or (), since=since, until=until, scheduled=scheduled,
    )  # fmt: skip
    with connected(LONG_SECONDS) as engine:
        report, search = Report(engine), Search(engine, budget=None)
        start = since
        if notifications:
            selection = replace(selection, ids=matching(report, notifications, most))
        elif not selection.names_person:
            start = window_start(since, report.now(), everything)
            selection = replace(selection, since=start)
        if count:
            counted = search.count(selection, statuses)
            check_found(channel, found=bool(counted.number))
            _print_count(str(counted), json)
            return
        if by_reason:
            failures = search.failures(selection)
            check_found(channel, found=bool(failures.groups))
            _print_groups(failures, json)
            return
        older, newer = (_place(report, each) for each in (older_than, newer_than))
        found = search.page(selection, statuses, limit=most, older_than=older, newer_than=newer)
        if reveal:
            note_recipients(engine, sum(map(_people, found.rows)), "notifier list")
    check_found(channel, found=bool(found.rows))
    rows = [with_recipients(row, reveal=reveal) for row in found.rows]
    if json:
        print_json({"notifications": rows, "since": start, "older_than": found.older, "newer_than": found.newer})
        return
    columns = _SCHEDULED_COLUMNS if scheduled else _COLUMNS
    print_table("Notifications", [_line(row) for row in rows], columns, "None.", spare=_SPARE)
    _print_next(found)
    if not found.older:
        print_window(start, since)


def _people(row: Mapping[str, Any]) -> int:
    """Return to how many recipients it went."""
    return (row["recipient"] is not None) + len(set(row["further_recipients"] or ()))


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with one recipient, and the number of the others: `a…@example.com +2`."""
    further = row["further_recipients"]
    return {**row, "recipient": f"{row['recipient'] or ''} +{len(further)}".strip()} if further else dict(row)


def _statuses(given: str) -> list[str]:
    """Return the statuses that a user typed, or SCHEDULED alone. Raise UsageError if one does not exist."""
    named = [each.strip() for each in given.split(",") if each.strip()]
    if SCHEDULED in named:
        if len(named) > 1:
            raise UsageError("scheduled stands alone: those are pending, and wait because their route returned Later")
        return named
    for each in named:
        if each not in set(Status):
            raise UsageError(f"no status is called {each!r}; there are {', '.join(Status)}")
    return named


def _check_answer(statuses: list[str], idle: list[str], *, count: bool, by_reason: bool) -> None:
    """Raise UsageError for options that the answer would ignore; `idle` are those of a table of notifications."""
    if count and by_reason:
        raise UsageError("--count and --by-reason are two answers: give one of them")
    if idle and (count or by_reason):
        answer = "--count" if count else "--by-reason"
        raise UsageError(f"{answer} is of all that are found, and shows none: leave out {', '.join(idle)}")
    if by_reason and set(statuses) - {Status.FAILED}:
        raise UsageError("--by-reason groups the failed ones: leave out --status")


def _place(report: Report, given: str) -> UUID | None:
    """Return the notification that is the end of a page; None if none is given."""
    return resolved(report, [given])[0] if given else None


def _print_count(count: str, json: bool) -> None:
    if json:
        print_json({"count": count})
    else:
        say(count)


def _print_groups(found: Failures, json: bool) -> None:
    rows = [asdict(each) for each in found.groups]
    if json:
        print_json({"failures": rows, "complete": found.complete})
        return
    print_table("Failures", rows, _GROUP_COLUMNS, "None.", spare=("newest_at", "channel", "newest_id"))
    if not found.complete:
        say(f"these are the newest {found.number:,} failures", err=True)


def _print_next(found: Found) -> None:
    """Print on the standard error how to get at the pages before and after this one."""
    if found.older:
        say(f"there are older ones: the same command with --older-than {found.older}", err=True)
    if found.newer:
        say(f"there may be newer ones: the same command with --newer-than {found.newer}", err=True)
