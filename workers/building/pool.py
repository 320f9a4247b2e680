"""The builds of a unit: the user's functions, one after the other while they are quick, side by side when they wait.

A function that asks a database takes 20 ms: for 500 notifications 10 s in a row, 0.4 s in 32 threads. One of 20 µs
gains nothing from a thread of its own. So a unit begins with one thread, and gets more for as long as it is not done.

What is built is handed over every second, so that a slow function does not hold up the others of its unit; the unit
ends without those that are still running. A function that exceeds its timeout is given up: a thread cannot be killed,
so another one takes its place. Where too many such threads are left the process ends, and the next one has none.
"""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import structlog

from notifier.outbox import DueNotification
from workers.building.threads import Threads
from workers.building.unit_builds import Aside, UnitBuilds
from workers.process.in_progress import InProgress
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

T = TypeVar("T")

THREADS = 32
HANGING = 4 * THREADS
"""Threads that may hang, beside those that build. A process with more ends itself."""
QUICK_SECONDS = 0.001
"""A build that takes longer waits for somebody: more threads shorten it."""
PORTION_SECONDS = 1.0
"""How often what is built is handed over; a build that takes longer is set aside."""
PATIENCE_SECONDS = 60.0
"""A unit ends after this without what was not begun: soon the broker would give its messages to another worker."""
TIMEOUT_SECONDS = 30.0
"""How long the build of a route without a `timeout` may take."""
_STEP_SECONDS = 0.005
_LONG_STEP_SECONDS = 0.1


class BuildPool:
    """All builds of one channel in this process. Safe to share between threads."""

    def __init__(
        self,
        underway: InProgress,
        threads: int = THREADS,
        patience: float = PATIENCE_SECONDS,
        portion: float = PORTION_SECONDS,
        slow: float = PORTION_SECONDS,
        leave: Callable[[], None] | None = None,
        stop: Stop | None = None,
    ) -> None:
        """A build that takes longer than `slow` seconds is set aside. `leave` ends this process: what is under way is
        finished first. Once `stop` is set no unit waits for its builds.
        """
        self._stop = Stop() if stop is None else stop
        self._limit = threads
        self._threads = Threads(threads, "build", spare=HANGING)
        self._underway = underway
        self._patience = patience
        self._portion = portion
        self._slow = slow
        self._leave = leave or self._stop.leave
        self._leaving = threading.Lock()
        self._lock = threading.Lock()
        self._hanging = 0

    def run(
        self,
        works: Sequence[DueNotification],
        build: Callable[[DueNotification], T],
        late: Callable[[DueNotification, bool], T],
        *,
        timeout: Callable[[DueNotification], float] = lambda _: TIMEOUT_SECONDS,
        aside: Aside[T] | None = None,
    ) -> Generator[list[T], None, None]:
        """What `build` makes of the works, in portions: mostly one, else about one a second.

        `late` makes it of each that exceeded its `timeout` (True), or whose turn did not come (False). Where `aside`
        is given, each build that is slow is left out and ends there. Raises what `build` raises.
        """
        if not works:
            return
        runs = UnitBuilds(works, build, self._underway, late, timeout, self._hangs)
        started = handed_over = time.monotonic()
        threads, step = 1, _STEP_SECONDS
        self._threads.submit(runs.work)
        try:
            while not runs.done.wait(step):
                now = time.monotonic()
                if self._stop.is_set():
                    break
                if now - started > self._patience:
                    self._give_up(runs, runs.expire_all())
                    break
                threads -= self._give_up(runs, runs.expire(now))
                if now - handed_over > self._portion:
                    handed_over = now
                    if aside:
                        threads -= self._give_up(runs, runs.set_aside(now - self._slow, aside))
                    if built := runs.take():
                        yield built
                threads += self._more(runs, threads, now - started)
                step = _STEP_SECONDS if runs.waiting and threads < self._limit else _LONG_STEP_SECONDS
            if built := runs.take():
                yield built
        finally:
            self._threads.withdraw(runs.work)
            self._give_up(runs, runs.leave())

    def _more(self, runs: UnitBuilds[T], threads: int, spent: float) -> int:
        """Put more threads on it where the builds wait for somebody; answers how many."""
        wanted = min(max(threads, 1), self._limit - threads, runs.waiting)
        if spent * max(threads, 1) <= QUICK_SECONDS * runs.ready:
            return 0
        for _ in range(wanted):
            self._threads.submit(runs.work)
        return wanted

    def _give_up(self, runs: UnitBuilds[T], threads: Sequence[int]) -> int:
        if threads:
            self._threads.give_up(threads, runs.work)
        return len(threads)

    def _hangs(self, change: int) -> None:
        """So many more threads are at builds that nobody waits for."""
        with self._lock:
            self._hanging += change
            hanging = self._hanging
        if hanging >= HANGING and self._leaving.acquire(blocking=False):  # never released: it leaves once
            log.critical("ALARM: too many routes hang; this worker ends, its messages go to the next", count=hanging)
            self._leave()
