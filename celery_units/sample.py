"""Which tasks Flower is shown in full.

An event costs about 15 µs here and 60 in Flower, and every task has three. So all are shown up to so many tasks a
second; of more, every second one, every fourth, every eighth ..., chosen by the task's id: what is shown at a high
rate is shown at any lower one, by every worker, and with all its events. Of an unusual end Flower is always told.
"""

import time
from collections.abc import Callable
from zlib import crc32

_LEAST_OFTEN = 2**20


class Sample:
    """About `per_second` tasks a second, whatever the rate; 0 shows none."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._every = 1
        self._shown = 0
        self._seen = 0
        self._since = clock()

    def shows(self, task_id: str) -> bool:
        now = self._clock()
        if now - self._since >= 1.0:
            self._start(now)
        self._seen += 1
        if not self._per_second or crc32(task_id.encode()) % self._every:
            return False
        self._shown += 1
        if self._shown >= self._per_second and self._every < _LEAST_OFTEN:
            self._every *= 2  # faster than the second before: thin out at once
            self._shown = 0
        return True

    def _start(self, now: float) -> None:
        """A new second, with what the last one's rate allows."""
        rate = self._seen / (now - self._since)
        self._every = 1
        while rate / self._every > self._per_second and self._every < _LEAST_OFTEN:
            self._every *= 2
        self._since, self._seen, self._shown = now, 0, 0
