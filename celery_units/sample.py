"""Which tasks send their events, and so are seen in Flower.

An event costs about 15 µs in the worker and 60 µs in Flower, and every task sends three. So up to a number of tasks a
second send all of theirs. Above it every second task does, every fourth, every eighth and so on, chosen by a hash of
the task's id. Therefore a task that is shown at a high rate would be shown at any lower one, by every worker. The
events of a task that does not succeed are always sent, see `UnitRequest`.
"""

import time
from collections.abc import Callable
from zlib import crc32

_LEAST_OFTEN = 2**20


class Sample:
    """Chooses about `per_second` tasks a second, whatever the rate; none if it is 0."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._every = 1
        self._shown = 0
        self._seen = 0
        self._since = clock()

    def shows(self, task_id: str) -> bool:
        """Whether the task sends its events. Call it once for each task."""
        now = self._clock()
        if now - self._since >= 1.0:
            self._start(now)
        self._seen += 1
        if not self._per_second or crc32(task_id.encode()) % self._every:
            return False
        self._shown += 1
        if self._shown >= self._per_second and self._every < _LEAST_OFTEN:
            self._every *= 2  # more than in the second before: choose fewer at once
            self._shown = 0
        return True

    def _start(self, now: float) -> None:
        """Start a second with the fraction that the rate of the last one allows."""
        rate = self._seen / (now - self._since)
        self._every = 1
        while rate / self._every > self._per_second and self._every < _LEAST_OFTEN:
            self._every *= 2
        self._since, self._seen, self._shown = now, 0, 0
