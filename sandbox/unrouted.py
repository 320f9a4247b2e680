"""Records that no route claims, as lines for the terminal of `notifier up`."""

import time
from collections.abc import Callable, Iterator, Sequence

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError
from notifier.outbox import StreamStatus

_BETWEEN_SECONDS = 60.0


class Unrouted:
    """Yields a line for a table with new records that no route claims: at most one a minute, with their number.

    `tables` returns the tables that are read now. `now` is a clock in seconds.
    """

    def __init__(
        self, engine: Engine, tables: Callable[[], Sequence[str]], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._status = StreamStatus(engine)
        self._tables = tables
        self._now = now
        self._told: dict[str, int] = {}
        self._next: dict[str, float] = {}

    def lines(self) -> Iterator[str]:
        """Yield the lines that are due. The records of a table count from the first call that has it. Nothing while
        the database does not answer.
        """
        now, tables = self._now(), self._tables()
        try:
            found = {each.table: each.unrouted for each in self._status.records(tables)}
        except DatabaseError:
            return
        for table in tables:
            unrouted = found.get(table, 0)
            told = self._told.setdefault(table, unrouted)
            if unrouted > told and now >= self._next.get(table, now):
                self._told[table], self._next[table] = unrouted, now + _BETWEEN_SECONDS
                records = "1 record" if unrouted - told == 1 else f"{unrouted - told:,} records"
                yield f"{table}: no route claims {records}\nsee: notifier routes --event - < FILE, with the item"
