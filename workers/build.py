"""The builds of a unit: the user's functions, one after the other while they are quick, side by side when they wait.

A function that asks a database takes 20 ms: for 500 notifications 10 s in a row, 0.4 s in 32 threads. One of 20 µs
gains nothing from a thread of its own. So a unit begins with one thread, and gets more for as long as it is not done.

A function that hangs holds up nobody else: its unit goes on without it, and another thread takes its place.
Where too many hang the process ends: the next one begins with none.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

from notifier.outbox import Work
from workers.stop import Stop
from workers.threads import Job, Threads
from workers.underway import Underway

log = structlog.get_logger(__name__)

T = TypeVar("T")

THREADS = 32
HANGING = 4 * THREADS
"""Threads that may hang, beside those that build. A process with more ends itself."""
SLOW_SECONDS = 0.001
"""A build that takes longer waits for somebody: more threads shorten it."""
PATIENCE_SECONDS = 60.0
"""A unit goes on after this, with what is built: soon its messages count as lost, and the broker gives them again."""
HANGS_SECONDS = 30.0
_STEP_SECONDS = 0.005
_LONG_STEP_SECONDS = 0.1


class Builds:
    """All builds of one channel in this process. Safe to share between threads."""

    def __init__(
        self,
        underway: Underway,
        patience: float = PATIENCE_SECONDS,
        hangs: float = HANGS_SECONDS,
        leave: Callable[[], None] | None = None,
        stop: Stop | None = None,
    ) -> None:
        """`leave` ends this process: what is under way is finished first. Once `stop` is set no unit waits for its
        builds.
        """
        self._stop = stop or Stop()
        self._threads = Threads(THREADS, "build", spare=HANGING)
        self._underway = underway
        self._patience = patience
        self._hangs = hangs
        self._leave = leave or self._stop.leave
        self._leaving = threading.Lock()

    def run(self, works: Sequence[Work], build: Callable[[Work], T], late: Callable[[Work, bool], T]) -> list[T]:
        """What `build` makes of each; `late` of each that is not built in time, which is told whether it hangs.

        Raises what `build` raises.
        """
        if not works:
            return []
        bench = _Bench(works, build, self._underway)
        started = time.monotonic()
        threads, step = 1, _STEP_SECONDS
        self._threads.submit(bench.work)
        while not bench.done.wait(step):
            spent = time.monotonic() - started
            if spent > self._patience or bench.hangs(self._hangs) or self._stop:
                break
            more = min(threads, THREADS - threads, bench.waiting)
            if spent * threads > SLOW_SECONDS * bench.ready:
                for _ in range(more):
                    self._threads.submit(bench.work)
                threads += more
            step = _STEP_SECONDS if more else _LONG_STEP_SECONDS
        try:
            return bench.clear(self._hangs, late)
        finally:
            self._let_go(bench.work)

    def _let_go(self, job: Job) -> None:
        hanging = self._threads.give_up(job)
        if hanging >= HANGING and self._leaving.acquire(blocking=False):  # never released: it leaves once
            log.critical("ALARM: too many routes hang; this worker ends, its messages go to the next", count=hanging)
            self._leave()


class _Bench(Generic[T]):
    """What is to be built, where the threads of one unit take it from, and what is built."""

    def __init__(self, works: Sequence[Work], build: Callable[[Work], T], underway: Underway) -> None:
        self._works = works
        self._build = build
        self._underway = underway
        self._lock = threading.Lock()
        self._todo = deque(range(len(works)))
        self._since: dict[int, float] = {}
        self._built: dict[int, T] = {}
        self._raised: BaseException | None = None
        self._left: set[int] = set()
        self.done = threading.Event()

    @property
    def waiting(self) -> int:
        return len(self._todo)

    @property
    def ready(self) -> int:
        return len(self._built)

    def work(self) -> None:
        """Build until nothing is to be built."""
        while (place := self._take()) is not None:
            try:
                built = self._build(self._works[place])
            except BaseException as error:  # noqa: BLE001  the unit raises it
                self._fail(place, error)
                return
            self._put(place, built)

    def hangs(self, seconds: float) -> bool:
        """Whether all that is missing has been under way for longer."""
        with self._lock:
            latest = time.monotonic() - seconds
            return not self._todo and all(since < latest for since in self._since.values())

    def clear(self, seconds: float, late: Callable[[Work, bool], T]) -> list[T]:
        """Let go of what is not built. What is still under way stays in hand until it ends."""
        with self._lock:
            self._todo.clear()
            self._left.update(self._since)
            for place in self._left:
                self._underway.keep(self._works[place].id)
            if self._raised:
                raise self._raised
            latest = time.monotonic() - seconds
            hanging = {place for place, since in self._since.items() if since < latest}
            built = dict(self._built)
        return [
            built[place] if place in built else late(work, place in hanging) for place, work in enumerate(self._works)
        ]

    def _take(self) -> int | None:
        with self._lock:
            if not self._todo:
                return None
            place = self._todo.popleft()
            self._since[place] = time.monotonic()
            return place

    def _put(self, place: int, built: T) -> None:
        self._underway.moved([self._works[place].id])
        with self._lock:
            if self._end(place):
                self._built[place] = built
                if len(self._built) == len(self._works):
                    self.done.set()

    def _fail(self, place: int, error: BaseException) -> None:
        with self._lock:
            if self._end(place):
                self._raised = error
                self.done.set()

    def _end(self, place: int) -> bool:
        """Whether somebody still waits for it."""
        del self._since[place]
        if place in self._left:
            self._underway.release(self._works[place].id)
            return False
        return True
