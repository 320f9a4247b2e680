"""Days that are older than the days to keep, why they stay, and how many days there are."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from notifier.outbox.history.partitions import TABLES
from notifier.outbox.statements import statement

_OVER_AGE = statement(__package__, "days_over_age.sql")
_KEPT = statement(__package__, "days_kept.sql")
_SIZE = statement(__package__, "size_of_day.sql")


@dataclass(frozen=True, slots=True)
class OldDay:
    """A day that is older than the days to keep. `reason` says why it stays, None if its rows may be deleted."""

    day: date
    reason: str | None
    deliveries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class DaysKept:
    """How many days have partitions, the age in days of the oldest one, and how many are over age for each reason.

    A reason is `not counted yet`, `open` (a delivery is pending, sending or unknown), `due`, `status updates` (some
    wait) or `being dropped`.
    """

    days: int
    oldest: date | None
    oldest_age: int
    overdue: Mapping[str, int]


def days_kept(connection: Connection, keep_days: int) -> DaysKept:
    """Return the days for `notifier status` and the metrics. With `keep_days` 0 no day is over age."""
    row = connection.execute(_KEPT).one()
    found = over_age(connection, keep_days) if keep_days else ()
    reasons = Counter("open" if reason[-1].isdigit() else reason for _, reason in found if reason)
    return DaysKept(row.days, row.oldest, row.age, reasons)


def over_age(connection: Connection, keep_days: int) -> list[tuple[date, str | None]]:
    """Return the days over age, oldest first, each with the reason why it stays; None if its rows may be deleted."""
    return [(row.day, row.reason) for row in connection.execute(_OVER_AGE, {"keep": keep_days})]


def old_days(connection: Connection, keep_days: int) -> Iterator[OldDay]:
    """Yield the days over age, oldest first, with their sizes."""
    for day, reason in over_age(connection, keep_days):
        size = connection.execute(_SIZE, {"day": day, "tables": list(TABLES)}).one()
        yield OldDay(day, reason, size.deliveries, size.bytes)
