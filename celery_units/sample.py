"""Which tasks send their events, and so are seen in Flower.

An event costs about 15 µs in the worker and 60 µs in Flower, and every task sends three. So up to a number of tasks a
second send all of theirs. Above it every second task does, every fourth, every eighth and so on, chosen by a hash of
the task's id. Therefore a task that is shown at a high rate would be shown at any lower one, by every worker. The
events of a task that does not succeed are always sent, see `UnitRequest`.
"""

import time
from collections.abc import Callable, Sequence
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

    def shown(self, task_ids: Sequence[str]) -> list[bool]:
        """Return for each task whether it sends its events. Call it once for each."""
        now = self._clock()
        if now - self._since >= 1.0:
            self._start(now)
        self._seen += len(task_ids)
        if not self._per_second:
            return [False] * len(task_ids)
        return [not crc32(each.encode()) % self._every and self._show() for each in task_ids]

    def _show(self) -> bool:
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
