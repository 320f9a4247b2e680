"""From which due time on to search a table for rows that are due.

Rows of `publications`, `claims` and `due` are inserted, become due, and are deleted. While a snapshot of the database
is held, the index on the due time keeps the entries of deleted rows: during a dump of one hour, each search would
pass over all entries of that hour. So a process remembers up to which time it found nothing, and searches from there.
Every 30 seconds it searches from the beginning, for rows that were committed late, or whose due time was moved back.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

_FULL_SCAN_SECONDS = 30.0

_LATE = timedelta(seconds=5)
"""A row may be committed this much after its due time."""

_BEGINNING = datetime.fromisoformat("0001-01-02T00:00:00+00:00")


class DueScan:
    """The searches of one process in one table."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: datetime | None = None
        self._full_scan_at = clock()

    def start(self) -> datetime:
        """Return the due time from which to search: the smallest one possible to search from the beginning."""
        if self._start is None or self._clock() >= self._full_scan_at:
            self._full_scan_at = self._clock() + _FULL_SCAN_SECONDS
            self._start = None
        return self._start or _BEGINNING

    def finished(self, now: datetime, oldest: datetime | None) -> None:
        """A search at `now`, by the database's clock, found rows from the due time `oldest` on, None for no rows."""
        self._start = min(now - _LATE, oldest) if oldest else now - _LATE

    def reset(self) -> None:
        """Search from the beginning the next time."""
        self._start = None
