"""`notifier list`: notifications by status, recipient, key, reason and more, in pages."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
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
from notifier.database.engine import Engine
from notifier.errors import UsageError
from notifier.notifications import Status
from notifier.operating.ids import matching, resolved
from notifier.outbox import MOST_COUNTED, SCHEDULED, Found, Report, Search, Selection

_COLUMNS = ("notification_id", "status", "route", "attempt", "recipient", "recorded_at", "reason")
_SCHEDULED_COLUMNS = ("notification_id", "next_attempt_at", "route", "reason", "recorded_at")
_SPARE = ("attempt", "recipient", "recorded_at", "route")
_GROUP_COLUMNS = ("failures", "route", "channel", "newest_at", "newest_id", "reason")
_LIMIT = 50


@dataclass(frozen=True, slots=True)
class _Page:
    """The options that only the table of notifications has: which of its pages, and whether recipients are shown."""

    limit: int | None
    older_than: str
    newer_than: str
    reveal: bool

    @property
    def size(self) -> int:
        return self.limit or _LIMIT

    @property
    def given(self) -> list[str]:
        """The names of those options that were given."""
        options = {
            "--limit": self.limit,
            "--older-than": self.older_than,
            "--newer-than": self.newer_than,
            "--reveal": self.reveal,
        }
        return [name for name, value in options.items() if value]


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
    statuses, scheduled = _statuses(status)
    check_window(since, until)
    page = _Page(limit, older_than, newer_than, reveal)
    _check_answer(statuses, page, count=count, by_reason=by_reason)
    selection = Selection(
        channel=channel, route=route, table=table, because=because, recipients=recipients_of(recipient, channel),
        keys=key or (), since=since, until=until, scheduled=scheduled,
    )  # fmt: skip
    most = MOST_COUNTED + 1 if count or by_reason else page.size
    with connected(LONG_SECONDS) as engine:
        selection = _bounded(Report(engine), selection, notifications or (), most, everything)
        if count:
            _count(engine, selection, statuses, json)
        elif by_reason:
            _failures(engine, selection, json)
        else:
            _rows(engine, selection, statuses, page, since, json)


def _bounded(
    report: Report, selection: Selection, notifications: Sequence[str], most: int, everything: bool
) -> Selection:
    """Return the selection of these notifications, at most `most` for each beginning of an id. Without any it begins
    at the default time, unless it is of all days or names a person.
    """
    if notifications:
        return replace(selection, ids=matching(report, notifications, most))
    if selection.names_person:
        return selection
    return replace(selection, since=window_start(selection.since, report.now(), everything))


def _count(engine: Engine, selection: Selection, statuses: Sequence[str], json: bool) -> None:
    counted = Search(engine, budget=None).count(selection, statuses)
    check_found(selection.channel, found=bool(counted.number))
    if json:
        print_json({"count": str(counted)})
    else:
        say(str(counted))


def _failures(engine: Engine, selection: Selection, json: bool) -> None:
    found = Search(engine, budget=None).failures(selection)
    check_found(selection.channel, found=bool(found.groups))
    rows = [asdict(each) for each in found.groups]
    if json:
        print_json({"failures": rows, "complete": found.complete})
        return
    print_table("Failures", rows, _GROUP_COLUMNS, "None.", spare=("newest_at", "channel", "newest_id"))
    if not found.complete:
        say(f"these are the newest {found.number:,} failures", err=True)


def _rows(
    engine: Engine, selection: Selection, statuses: Sequence[str], page: _Page, since: datetime | None, json: bool
) -> None:
    """Print a page of notifications, and how to get at those before and after it. `since` is the option."""
    report = Report(engine)
    older, newer = (_place(report, each) for each in (page.older_than, page.newer_than))
    search = Search(engine, budget=None)
    found = search.page(selection, statuses, limit=page.size, older_than=older, newer_than=newer)
    if page.reveal:
        note_recipients(engine, sum(map(_people, found.rows)), "notifier list")
    check_found(selection.channel, found=bool(found.rows))
    rows = [with_recipients(row, reveal=page.reveal) for row in found.rows]
    start = selection.since
    if json:
        print_json({"notifications": rows, "since": start, "older_than": found.older, "newer_than": found.newer})
        return
    columns = _SCHEDULED_COLUMNS if selection.scheduled else _COLUMNS
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


def _statuses(given: str) -> tuple[list[str], bool]:
    """Return the statuses that a user typed, and whether only the scheduled ones are wanted.

    Raise UsageError if one does not exist.
    """
    named = [each.strip() for each in given.split(",") if each.strip()]
    if SCHEDULED in named:
        if len(named) > 1:
            raise UsageError("scheduled stands alone: those are pending, and wait because their route returned Later")
        return [Status.PENDING], True
    for each in named:
        if each not in set(Status):
            raise UsageError(f"no status is called {each!r}; there are {', '.join(Status)}")
    return named, False


def _check_answer(statuses: Sequence[str], page: _Page, *, count: bool, by_reason: bool) -> None:
    """Raise UsageError for options that contradict each other, or that the answer would ignore."""
    if page.older_than and page.newer_than:
        raise UsageError("--older-than and --newer-than are two pages: give one of them")
    if count and by_reason:
        raise UsageError("--count and --by-reason are two answers: give one of them")
    if page.given and (count or by_reason):
        answer = "--count" if count else "--by-reason"
        raise UsageError(f"{answer} is of all that are found, and shows none: leave out {', '.join(page.given)}")
    if by_reason and set(statuses) - {Status.FAILED}:
        raise UsageError("--by-reason groups the failed ones: leave out --status")


def _place(report: Report, given: str) -> UUID | None:
    """Return the notification that is the end of a page; None if none is given."""
    return resolved(report, [given])[0] if given else None


def _print_next(found: Found) -> None:
    """Print on the standard error how to get at the pages before and after this one."""
    if found.older:
        say(f"there are older ones: the same command with --older-than {found.older}", err=True)
    if found.newer:
        say(f"there may be newer ones: the same command with --newer-than {found.newer}", err=True)
