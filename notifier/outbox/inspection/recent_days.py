"""The partitions of the last and the next days, and their sizes."""

from dataclasses import dataclass

from sqlalchemy import Engine

from notifier.outbox.history.partitions import TABLES
from notifier.outbox.statements import statement

_READ = statement(__package__, "read_recent_days.sql")


@dataclass(frozen=True, slots=True)
class RecentDay:
    """A day, counted from today (UTC, the database's clock). `complete`: all of its partitions exist."""

    offset: int
    complete: bool
    bytes: int


def recent_days(engine: Engine) -> list[RecentDay]:
    """Return the seven days before today, today, and the two after it. Raise DatabaseError."""
    with engine.connect() as connection:
        rows = connection.execute(_READ, {"tables": list(TABLES)})
        return [RecentDay(row.offset_days, row.partitions == len(TABLES), row.bytes) for row in rows]
