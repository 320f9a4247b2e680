"""Which days have rows in the outbox, and which of them are counted.

`Retention` counts a day once it is two days old. A report then adds its counts instead of reading its rows, and a
search reads only the counted days that have deliveries of the status and channel it is for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from notifier.notifications import first_id
from notifier.outbox.days import Spans
from notifier.outbox.statements import statement

_EPOCH = date(1970, 1, 1)
DAY_MS = 24 * 60 * 60 * 1000
_GONE = frozenset(("empty", "dropping"))

_DAYS = statement(__package__, "days.sql")


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC) that has partitions. `holds`: status and channel of the deliveries of a counted day. `listed`: the
    search terms of all of its notifications are listed (listing.py).
    """

    day: date
    counted: bool
    holds: frozenset[tuple[str, str]] = frozenset()
    listed: bool = False

    def may_hold(self, statuses: Iterable[str] = (), channel: str = "") -> bool:
        """Return whether the day may have a delivery of one of these statuses (empty: any) and of this channel
        (empty: any).

        Always true for a day that is not counted.
        """
        wanted = set(statuses)
        return not self.counted or any(
            (not wanted or status in wanted) and channel in ("", found) for status, found in self.holds
        )

    @property
    def number(self) -> int:
        """Days since 1970."""
        return (self.day - _EPOCH).days


def read_days(connection: Connection) -> list[Day]:
    """Return the days that have rows, oldest first."""
    return [
        Day(row.day, row.state == "counted", frozenset(_pair(each) for each in row.holds), row.listed)
        for row in connection.execute(_DAYS)
        if row.state not in _GONE
    ]


def _pair(text: str) -> tuple[str, str]:
    status, _, channel = text.partition(" ")
    return status, channel


def joined(days: Iterable[Day]) -> Spans:
    """Return the spans of these days, with adjacent days joined."""
    found: list[tuple[int, int]] = []
    for number in sorted(each.number for each in days):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Window:
    """A day, or a part of it: ids from `first` on and before `end`."""

    first: UUID
    end: UUID
    day: Day

    @property
    def spans(self) -> Spans:
        return ((self.day.number, self.day.number + 1),)


def whole(day: Day) -> Window:
    """Return the whole day as one window: for statements that find their rows by id."""
    return Window(first_id(day.number * DAY_MS), first_id((day.number + 1) * DAY_MS), day)


def windows(days: Iterable[Day], since: datetime | None = None, until: datetime | None = None) -> Iterator[Window]:
    """Yield the hours of these days, in the order of the days, so that a statement reads one hour at a time.

    Only times of events from `since` on and before `until`.
    """
    for each in days:
        midnight = datetime(each.day.year, each.day.month, each.day.day, tzinfo=UTC)
        for hour in range(24):
            start = midnight + timedelta(hours=hour)
            first, end = max(start, since or start), start + timedelta(hours=1)
            end = min(end, until or end)
            if first < end:
                yield Window(first_id_at(first), first_id_at(end), each)


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest id of a notification whose event is of this time, to the millisecond."""
    return first_id(int(moment.timestamp() * 1000))
