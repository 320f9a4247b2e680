"""The deliveries that this process works on.

The broker delivers a message again if its worker is silent for too long. If that worker is this process, the second
message must not take another thread: a route that hangs would block all threads, one after another.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)

STUCK_SECONDS = 600.0
"""A delivery without progress for so long hangs: no route and no request takes that long."""


class InProgress:
    """Ids in progress, each with its number of holders and the time of its last progress. Safe to share between
    threads. Looks each id up as seldom as it can: Python computes the hash of a UUID again each time.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._touched: dict[UUID, float] = {}
        self._warned: set[UUID] = set()
        self._holders: dict[UUID, int] = {}
        self._channels: dict[str, InProgress] = {}

    def of(self, channel: str) -> "InProgress":
        """Return the ids in progress on that channel, which `count` and `stuck` of this process include. Each channel
        has its own: what has gone on to another one may begin there while the rest of its unit is still in progress.
        """
        with self._lock:
            if channel not in self._channels:
                self._channels[channel] = InProgress(self._clock)
            return self._channels[channel]

    @contextmanager
    def hold(self, ids: Sequence[UUID]) -> Iterator[list[UUID]]:
        """Hold those that are not in progress for the time of the block. Yield their ids, and logs the others."""
        with self._lock:
            taken = {id_: 1 for id_ in ids if id_ not in self._holders}
            self._touched |= dict.fromkeys(taken, self._clock())
            self._holders |= taken
        if len(taken) < len(ids):
            for id_ in set(ids).difference(taken):
                log.warning("delivered again while it is in progress in this worker", notification=str(id_))
        try:
            yield list(taken)
        finally:
            self.release(taken)

    def add_holder(self, id_: UUID) -> None:
        """An id in progress has one more holder. It stays in progress until each has called `release`."""
        with self._lock:
            self._holders[id_] += 1

    def release(self, ids: Iterable[UUID]) -> None:
        """One holder of each is done."""
        with self._lock:
            for id_ in ids:
                if left := self._holders[id_] - 1:
                    self._holders[id_] = left
                    continue
                del self._holders[id_], self._touched[id_]
                if self._warned:
                    self._warned.discard(id_)

    def touch(self, ids: Sequence[UUID]) -> None:
        """They made progress, or wait for a server that will come back."""
        with self._lock:
            now = self._clock()
            self._touched |= {id_: now for id_ in ids if id_ in self._holders}

    def count(self) -> int:
        """Return how many are in progress."""
        return len(self._holders) + sum(each.count() for each in self._parts())

    def stuck(self) -> list[UUID]:
        """Return those without progress for `STUCK_SECONDS`. Logs each once."""
        with self._lock:
            latest = self._clock() - STUCK_SECONDS
            found = [id_ for id_, touched in self._touched.items() if touched < latest]
            fresh = [id_ for id_ in found if id_ not in self._warned]
            self._warned.update(fresh)
        for id_ in fresh:
            log.warning("delivery hangs; this worker counts as unhealthy", notification=str(id_), after=STUCK_SECONDS)
        return found + [id_ for each in self._parts() for id_ in each.stuck()]

    def _parts(self) -> "list[InProgress]":
        with self._lock:
            return list(self._channels.values())
