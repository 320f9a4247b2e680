"""Daily partitions of the tables that grow. Old days are dropped whole, so no statement slows down with history."""

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy import Engine, event

from notifier.outbox.statements import statement

_ADVISORY_LOCK = 0x6E6F7469667064

TABLES = ("notifications", "deliveries", "delivery_events", "feedback")

_LOCK = statement(__package__, "advisory_lock.sql")
_MAKE = statement(__package__, "make_partition.sql")


class Partitions:
    """Creates the partitions of a day before its first row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: set[date] = set()
        # A failover may lose the commit that created a partition. Every failover ends the sessions first.
        event.listen(engine.pool, "invalidate", lambda *_: self._known.clear())

    def ensure(self, days: Iterable[date], *, anew: bool = False) -> None:
        """Create the missing partitions of these days (UTC); `anew`: also of days whose partitions this object
        created before, which may have been dropped since.

        Each day has its own transaction: one for all would hold some twenty locks a day until its end, and for 900
        days that is more than a server has room for. Days that were done before an error stay.
        """
        for day in sorted(set(days) - (set() if anew else self._known)):
            with self._engine.begin() as connection:
                connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
                for table in TABLES:
                    connection.execute(_MAKE, {"table": table, "day": day})
            self._known.add(day)

    def ensure_around(self, today: date) -> None:
        """Create the partitions of the days that a stream may bring now (it keeps records for 24 hours) and in the
        next two days.
        """
        self.ensure(today + timedelta(days=offset) for offset in range(-2, 3))
