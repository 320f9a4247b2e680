"""The deliveries that this process has in hand.

The broker gives a message again when its worker is silent for too long. Where that worker is this process, the second
one must not take another thread: a route that hangs would take them all, one after another.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)

STUCK_SECONDS = 600.0
"""A delivery that has not come a step further for so long hangs: no route and no request takes that long."""


class InProgress:
    """The ids in hand, and when each came its last step further. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._moved: dict[UUID, float] = {}
        self._warned: set[UUID] = set()
        self._holders: dict[UUID, int] = {}

    @contextmanager
    def hold(self, ids: Sequence[UUID]) -> Iterator[list[UUID]]:
        """Take in hand those that are not yet; the others are left to who has them."""
        with self._lock:
            taken = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._holders]
            self._moved |= dict.fromkeys(taken, self._clock())
            self._holders |= dict.fromkeys(taken, 1)
        for id_ in set(ids).difference(taken):
            log.warning("delivered again while this worker is still at it", notification=str(id_))
        try:
            yield taken
        finally:
            self.release(taken)

    def keep(self, id_: UUID) -> None:
        """One more holder of an id in hand: it stays in hand until each has called `release`."""
        with self._lock:
            self._holders[id_] += 1

    def release(self, ids: Iterable[UUID]) -> None:
        with self._lock:
            for id_ in ids:
                self._holders[id_] -= 1
                if not self._holders[id_]:
                    del self._holders[id_], self._moved[id_]
                    self._warned.discard(id_)

    def moved(self, ids: Sequence[UUID]) -> None:
        """They came a step further, or wait for a server that will come back."""
        with self._lock:
            self._moved |= dict.fromkeys((id_ for id_ in ids if id_ in self._holders), self._clock())

    def stuck(self) -> list[UUID]:
        """Those that hang. Logs each once."""
        with self._lock:
            latest = self._clock() - STUCK_SECONDS
            found = [id_ for id_, moved in self._moved.items() if moved < latest]
            fresh = [id_ for id_ in found if id_ not in self._warned]
            self._warned.update(fresh)
        for id_ in fresh:
            log.warning("delivery hangs; this worker counts as unhealthy", notification=str(id_), after=STUCK_SECONDS)
        return found
