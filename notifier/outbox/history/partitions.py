"""Daily partitions of the tables that grow. Old days are dropped whole, so cost never grows with history."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Engine, event, text

_ADVISORY_LOCK = 0x6E6F7469667064

TABLES = ("notifications", "deliveries", "delivery_events", "feedback")

# A function of the owner's: the bridge may make a partition, and nothing else to a table.
_MAKE = text("SELECT make_partition(:table, :day)")


class Partitions:
    """Makes the partitions of a day before its first row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[date] = set()
        # A failover may lose the commit that made a partition; its first sign is a lost session.
        event.listen(engine.pool, "invalidate", lambda *_: self._known.clear())

    def ensure(self, days: Iterable[date], *, anew: bool = False) -> None:
        """Make the partitions of these days (UTC) where they are missing; `anew`: also of days that were made here
        before, which may have been dropped since.

        A transaction for each day: one for all would hold some twenty locks a day until its end, and 900 days are
        more than a server has room for. What was made before an error stays.
        """
        for day in sorted(set(days) - (set() if anew else self._known)):
            with self._engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                for table in TABLES:
                    connection.execute(_MAKE, {"table": table, "day": day})
            self._known.add(day)

    def ensure_around(self, today: date) -> None:
        """The days that the stream's 24 hours and the next two days can bring."""
        self.ensure(today + timedelta(days=offset) for offset in range(-2, 3))
