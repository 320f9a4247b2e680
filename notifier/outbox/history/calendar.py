"""Which days the outbox holds, and which of them are counted.

A day is counted once it is old (`Retention`). Its counts then stand for its rows, so that a report or a search reads
the rows of recent days only, and those of the counted days that hold what is looked for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.notifications import first_id
from notifier.outbox.days import Spans

_EPOCH = date(1970, 1, 1)
DAY_MS = 24 * 60 * 60 * 1000
_GONE = frozenset(("empty", "dropping"))

# Postgres reads the catalog with the snapshot of the transaction, as it does the tables.
_DAYS = text("""
SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day, coalesce(days.state, 'open') AS state,
       coalesce(array_agg(n.status::text || ' ' || n.channel) FILTER (WHERE n.status IS NOT NULL), '{}') AS holds
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
LEFT JOIN days ON days.day = to_date(right(c.relname, 8), 'YYYYMMDD')
LEFT JOIN day_counts n ON n.day = days.day AND days.state = 'counted'
WHERE i.inhparent = to_regclass('deliveries') AND NOT i.inhdetachpending
GROUP BY 1, 2 ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC) that has partitions. `holds` names the statuses and channels of a counted day."""

    day: date
    counted: bool
    holds: frozenset[tuple[str, str]] = frozenset()

    def may_hold(self, statuses: Iterable[str] = (), channel: str = "") -> bool:
        """Whether a delivery of one of these statuses may be in it; none given: of any."""
        wanted = set(statuses)
        return not self.counted or any(
            (not wanted or status in wanted) and channel in ("", found) for status, found in self.holds
        )

    @property
    def number(self) -> int:
        """Days since 1970."""
        return (self.day - _EPOCH).days


def read_days(connection: Connection) -> list[Day]:
    """The days that have rows, oldest first."""
    return [
        Day(row.day, row.state == "counted", frozenset(_pair(each) for each in row.holds))
        for row in connection.execute(_DAYS)
        if row.state not in _GONE
    ]


def _pair(text: str) -> tuple[str, str]:
    status, _, channel = text.partition(" ")
    return status, channel


def joined(days: Iterable[Day]) -> Spans:
    """The spans of these days, adjacent ones as one."""
    found: list[tuple[int, int]] = []
    for number in sorted(each.number for each in days):
        if found and found[-1][1] == number:
            found[-1] = (found[-1][0], number + 1)
        else:
            found.append((number, number + 1))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Window:
    """A day, an hour of it, or the part that is asked for: ids from `first` on, before `end`."""

    first: UUID
    end: UUID
    day: Day

    @property
    def spans(self) -> Spans:
        return ((self.day.number, self.day.number + 1),)


def whole(day: Day) -> Window:
    """The whole day: for statements that find their rows by id."""
    return Window(first_id(day.number * DAY_MS), first_id((day.number + 1) * DAY_MS), day)


def windows(days: Iterable[Day], since: datetime | None = None, until: datetime | None = None) -> Iterator[Window]:
    """The hours of these days, oldest first where the days are; a statement then reads one hour at a time.

    `since` and `until` are times of events; what lies outside is left out.
    """
    for each in days:
        midnight = datetime(each.day.year, each.day.month, each.day.day, tzinfo=UTC)
        for hour in range(24):
            start = midnight + timedelta(hours=hour)
            first, end = max(start, since or start), start + timedelta(hours=1)
            end = min(end, until or end)
            if first < end:
                yield Window(_first_id(first), _first_id(end), each)


def _first_id(moment: datetime) -> UUID:
    return first_id(int(moment.timestamp() * 1000))
