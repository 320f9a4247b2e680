"""From which due time on a queue has rows. A queue is a table whose rows come, become due and go.

An index on the due time keeps the entries of rows that are gone for as long as any snapshot of the database is held.
A dump of an hour leaves all entries of that hour, and each look at what is due by now would pass over all of them. So
a process remembers up to where it found nothing, and looks from there on. Every 30 seconds it looks from the
beginning, for rows that were committed late or given back by somebody who died.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

_FULL_LOOK_SECONDS = 30.0

_LATE = timedelta(seconds=5)
"""A row may be committed this much after the due time that it bears."""


class Horizon:
    """For one queue and one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._after: datetime | None = None
        self._full_look_at = clock()

    def after(self) -> datetime:
        """Rows are to be looked for from this due time on; with the smallest one there is, from the beginning."""
        if self._after is None or self._clock() >= self._full_look_at:
            self._full_look_at = self._clock() + _FULL_LOOK_SECONDS
            self._after = None
        return self._after or _BEGINNING

    def looked(self, now: datetime, oldest: datetime | None) -> None:
        """A look at `now`, by the database's clock, found rows from `oldest` on (None: no row)."""
        self._after = min(now - _LATE, oldest) if oldest else now - _LATE

    def forget(self) -> None:
        """Look from the beginning the next time."""
        self._after = None


_BEGINNING = datetime.fromisoformat("0001-01-02T00:00:00+00:00")
