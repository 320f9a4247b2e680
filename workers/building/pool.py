"""The threads in which a worker calls the routes' functions of a unit.

A function that asks a database takes 20 ms: 500 notifications take 10 s one after the other, 0.4 s in 32 threads. A
function that computes gains nothing from more threads. So a unit begins with one thread, and gets more while its
builds wait (`Spread`).

Results are handed over every second, so that a slow function does not hold up the others of its unit. A function that
exceeds its timeout is abandoned: a thread cannot be killed, so another one takes its place. Where too many such
threads have collected the process ends, and an orchestrator starts the next one.
"""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import structlog

from notifier.outbox import DueNotification
from workers.building.set_aside import UnitAside
from workers.building.spread import Spread
from workers.building.threads import Threads
from workers.building.unit_builds import UnitBuilds
from workers.process.in_progress import InProgress
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

T = TypeVar("T")

THREADS = 32
HANGING = 4 * THREADS
"""A process in which this many threads hang, in addition to those that build, ends itself."""
BATCH_SECONDS = 1.0
"""How often results are handed over; a build that takes longer is set aside."""
UNIT_SECONDS = 60.0
"""A unit ends after this without what was not begun, so that a slow route does not keep its place in the worker."""
TIMEOUT_SECONDS = 30.0
"""How long the build of a route without a `timeout` may take."""
_STEP_SECONDS = 0.005
_COMPUTING_STEP_SECONDS = 0.04
_LONG_STEP_SECONDS = 0.1


class BuildPool:
    """The threads of one channel in this process. Safe to share between threads."""

    def __init__(
        self,
        in_progress: InProgress,
        threads: int = THREADS,
        unit_seconds: float = UNIT_SECONDS,
        batch_seconds: float = BATCH_SECONDS,
        slow_seconds: float = BATCH_SECONDS,
        leave: Callable[[], None] | None = None,
        stop: Stop | None = None,
    ) -> None:
        """A build that takes longer than `slow_seconds` is set aside. `leave` ends this process after what is in
        progress. Once `stop` is set, no unit waits for its builds.
        """
        self._stop = Stop() if stop is None else stop
        self._limit = threads
        self._threads = Threads(threads, "build", spare=HANGING)
        self._in_progress = in_progress
        self._unit_seconds = unit_seconds
        self._batch_seconds = batch_seconds
        self._slow_seconds = slow_seconds
        self._leave = leave or self._stop.leave
        self._leaving = threading.Lock()
        self._lock = threading.Lock()
        self._hanging = 0

    @property
    def alive(self) -> int:
        """The threads that were started and have not ended."""
        return self._threads.alive

    @property
    def hanging(self) -> int:
        """Those that run abandoned builds."""
        return self._hanging

    def run(
        self,
        unit: Sequence[DueNotification],
        build: Callable[[DueNotification], T],
        late: Callable[[DueNotification, bool], T],
        *,
        timeout: Callable[[DueNotification], float] = lambda _: TIMEOUT_SECONDS,
        aside: UnitAside[T] | None = None,
    ) -> Generator[list[T], None, None]:
        """Yield the results of `build` in batches: mostly one, else about one a second.

        `late` returns the result of a build that exceeded its `timeout` (True) or was not begun in time (False). With
        `aside`, slow builds are left out here, and their results go there. Raise what `build` raises, and
        RuntimeError if no thread can be started.
        """
        if not unit:
            return
        builds = UnitBuilds(unit, build, self._in_progress, late, timeout, self._count_hanging)
        started = handed_over = time.monotonic()
        spread, threads, step = Spread(), 1, _STEP_SECONDS
        try:
            self._threads.submit(builds.work)
            while not builds.done.wait(step):
                now = time.monotonic()
                if self._stop.is_set():
                    break
                if now - started > self._unit_seconds:
                    self._give_up(builds, builds.expire_all())
                    break
                threads -= self._give_up(builds, builds.expire(now))
                if now - handed_over > self._batch_seconds:
                    handed_over = now
                    if aside:
                        threads -= self._give_up(builds, builds.set_aside(now - self._slow_seconds, aside))
                    if results := builds.take():
                        yield results
                if spread.look(threads, builds.built, builds.waited, builds.cpu_seconds) or not threads:
                    threads += self._add_threads(builds, threads)
                may_spread = builds.waiting > 0 and threads < self._limit
                step = _next_step(step, computes=spread.computes) if may_spread else _LONG_STEP_SECONDS
            if results := builds.take():
                yield results
        finally:
            self._threads.withdraw(builds.work)
            self._give_up(builds, builds.leave())

    def _add_threads(self, builds: UnitBuilds[T], threads: int) -> int:
        """Give a unit four times as many threads. Return how many were added."""
        wanted = min(3 * threads or 1, self._limit - threads, builds.waiting)
        for _ in range(wanted):
            self._threads.submit(builds.work)
        return wanted

    def _give_up(self, builds: UnitBuilds[T], threads: Sequence[int]) -> int:
        if threads:
            self._threads.give_up(threads, builds.work)
        return len(threads)

    def _count_hanging(self, change: int) -> None:
        """Add `change` to the number of threads that run abandoned builds. End the process once there are HANGING."""
        with self._lock:
            self._hanging += change
            hanging = self._hanging
        if hanging >= HANGING and self._leaving.acquire(blocking=False):  # never released: it leaves only once
            log.critical("ALARM: too many routes hang; this worker ends, its messages go to the next", count=hanging)
            self._leave()


def _next_step(step: float, *, computes: bool) -> float:
    """Return the seconds until the next look at builds that may get more threads.

    Each look takes the interpreter from the thread that builds. So there are fewer of them while the builds compute.
    """
    return min(2 * step, _COMPUTING_STEP_SECONDS) if computes else _STEP_SECONDS
