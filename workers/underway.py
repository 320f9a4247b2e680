"""The deliveries that this process has in hand.

The broker gives a message again when its worker is silent for too long. Where that worker is this process, the second
one must not take another thread: a route that hangs would take them all, one after another.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog

log = structlog.get_logger(__name__)

STUCK_SECONDS = 600.0
"""A delivery that has not come a step further for so long hangs: no route and no request takes that long."""


class Underway:
    """The ids in hand, and when each came its last step further. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._moved: dict[UUID, float] = {}
        self._warned: set[UUID] = set()
        self._kept: dict[UUID, bool] = {}  # whether their unit has ended

    @contextmanager
    def hold(self, ids: Sequence[UUID]) -> Iterator[list[UUID]]:
        """Take in hand those that are not yet; the others are left to who has them."""
        with self._lock:
            taken = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._moved]
            self._moved |= dict.fromkeys(taken, self._clock())
        for id_ in set(ids).difference(taken):
            log.warning("delivered again while this worker is still at it", notification=str(id_))
        try:
            yield taken
        finally:
            with self._lock:
                for id_ in taken:
                    if id_ in self._kept:
                        self._kept[id_] = True
                    else:
                        self._drop(id_)

    def keep(self, id_: UUID) -> None:
        """A thread is still at it when its unit goes on, and maybe ends: in hand until `release`."""
        with self._lock:
            self._kept[id_] = False

    def release(self, id_: UUID) -> None:
        with self._lock:
            if self._kept.pop(id_):
                self._drop(id_)

    def moved(self, ids: Sequence[UUID]) -> None:
        """They came a step further, or wait for a server that will come back."""
        with self._lock:
            self._moved |= dict.fromkeys(ids, self._clock())

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

    def _drop(self, id_: UUID) -> None:
        del self._moved[id_]
        self._warned.discard(id_)
