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
    threads. It keeps the number of each id: Python compares UUIDs, and computes their hashes, by several calls.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._touched: dict[int, float] = {}
        self._warned: set[int] = set()
        self._holders: dict[int, int] = {}
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
            taken = {id_.int: id_ for id_ in ids if id_.int not in self._holders}
            self._touched |= dict.fromkeys(taken, self._clock())
            self._holders |= dict.fromkeys(taken, 1)
        held = list(taken.values())
        if len(held) < len(ids):
            for id_ in set(ids).difference(held):
                log.warning("delivered again while it is in progress in this worker", notification=str(id_))
        try:
            yield held
        finally:
            self.release(held)

    def add_holder(self, id_: UUID) -> None:
        """An id in progress has one more holder. It stays in progress until each has called `release`."""
        with self._lock:
            self._holders[id_.int] += 1

    def release(self, ids: Iterable[UUID]) -> None:
        """One holder of each is done."""
        with self._lock:
            for number in [id_.int for id_ in ids]:
                if left := self._holders[number] - 1:
                    self._holders[number] = left
                    continue
                del self._holders[number], self._touched[number]
                if self._warned:
                    self._warned.discard(number)

    def touch(self, ids: Sequence[UUID]) -> None:
        """They made progress, or wait for a server that will come back."""
        with self._lock:
            now = self._clock()
            self._touched |= {id_.int: now for id_ in ids if id_.int in self._holders}

    def count(self) -> int:
        """Return how many are in progress."""
        return len(self._holders) + sum(each.count() for each in self._parts())

    def stuck(self) -> list[UUID]:
        """Return those without progress for `STUCK_SECONDS`. Logs each once."""
        with self._lock:
            latest = self._clock() - STUCK_SECONDS
            found = [number for number, touched in self._touched.items() if touched < latest]
            fresh = [number for number in found if number not in self._warned]
            self._warned.update(fresh)
        for number in fresh:
            log.warning(
                "delivery hangs; this worker counts as unhealthy",
                notification=str(UUID(int=number)),
                after=STUCK_SECONDS,
            )
        return [UUID(int=number) for number in found] + [id_ for each in self._parts() for id_ in each.stuck()]

    def _parts(self) -> "list[InProgress]":
        with self._lock:
            return list(self._channels.values())
