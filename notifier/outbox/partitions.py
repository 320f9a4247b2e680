"""Daily partitions of the tables that grow. Old days are dropped whole, so cost never grows with history."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.notifications import first_id

_ADVISORY_LOCK = 0x6E6F7469667064

# Room on each page for the two updates of the common path: a row grows threefold, and while begin is under way its
# page holds it twice. With less room, half of the updates went to other pages and into the index.
_STORAGE = {
    "notifications": "autovacuum_vacuum_insert_scale_factor = 0.2",
    "deliveries": "fillfactor = 18, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2",
    "delivery_events": "autovacuum_vacuum_insert_scale_factor = 0.2",
    "feedback": "autovacuum_vacuum_insert_scale_factor = 0.2",
}


class Partitions:
    """Makes the partitions of a day before its first row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[date] = set()

    def ensure(self, days: Iterable[date]) -> None:
        """Make the partitions of these days (UTC) where they are missing."""
        if not (missing := set(days) - self._known):
            return
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            for day in sorted(missing):
                for table in _STORAGE:
                    _create(connection, table, day)
        self._known |= missing

    def ensure_around(self, today: date) -> None:
        """The days that the stream's 24 hours and the next two days can bring."""
        self.ensure(today + timedelta(days=offset) for offset in range(-2, 3))


def bounds(day: date) -> tuple[str, str]:
    """The ids between which the notifications of a day lie, the second one excluded."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    first, last = (int((start + timedelta(days=n)).timestamp() * 1000) for n in (0, 1))
    return str(first_id(first)), str(first_id(last))


def _create(connection: Connection, table: str, day: date) -> None:
    name = f"{table}_{day:%Y%m%d}"
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return
    first, last = bounds(day)
    # Made apart and then attached: unlike PARTITION OF, that does not lock out the writers of other days.
    connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL) WITH ({_STORAGE[table]})"))
    connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{last}')"))
