"""The builds of one unit: which are waiting, which run in which thread, and the results."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from notifier.outbox import DueNotification
from workers.building.set_aside import UnitAside
from workers.building.spread import CpuClock
from workers.process.in_progress import InProgress

T = TypeVar("T")

_PROGRESS_SECONDS = 1.0
"""The end of a build that took longer counts as progress. Without shorter ones a unit has some all the same."""


@dataclass(slots=True)
class _RunningBuild(Generic[T]):
    """A build in a thread, and after it the thread's next one. If it was set aside, `aside` takes its result, and
    `timer` abandons it at its timeout.
    """

    since: float
    thread: int
    aside: UnitAside[T] | None = None
    timer: threading.Timer | None = None


class UnitBuilds(Generic[T]):
    """The builds of one unit, each known by its place in the unit.

    Threads call `work`; the thread that delivers the unit calls everything else.

    Each build has one result: its own, or what `late` returns for it. To abandon a build means to wait for its result
    no longer. Its thread goes on, and may hang, because a thread cannot be killed.
    """

    def __init__(
        self,
        unit: Sequence[DueNotification],
        build: Callable[[DueNotification], T],
        in_progress: InProgress,
        late: Callable[[DueNotification, bool], T],
        timeout: Callable[[DueNotification], float],
        hanging: Callable[[int], None],
    ) -> None:
        """`late` returns the result of a build that exceeded its `timeout` (True) or was not begun in time (False).
        `hanging` is called with the change of the number of abandoned builds that still run: positive when builds are
        abandoned, -1 when one ends.
        """
        self._unit = unit
        self._build = build
        self._in_progress = in_progress
        self._late = late
        self._timeout = timeout
        self._hanging = hanging
        self._lock = threading.Lock()
        self._waiting = deque(range(len(unit)))
        self._running: dict[int, _RunningBuild[T]] = {}
        self._results: list[T] = []
        self._missing = len(unit)
        self._raised: BaseException | None = None
        self.built = 0
        self.waited = 0
        """How many of the builds that ended waited for something."""
        self._clocks: dict[int, CpuClock] = {}
        self.done = threading.Event()
        """Set when no result is missing, or a build raised."""

    @property
    def waiting(self) -> int:
        """How many builds no thread has begun."""
        return len(self._waiting)

    @property
    def cpu_seconds(self) -> float:
        """The CPU time so far of the threads that build; 0 where it cannot be read (`CpuClock`)."""
        with self._lock:
            return sum(clock.seconds() for clock in self._clocks.values())

    def work(self) -> None:
        """Build until none is waiting, or until this thread's build is abandoned or set aside."""
        me, clock = threading.get_ident(), CpuClock()
        with self._lock:
            self._clocks[me] = clock
            running: _RunningBuild[T] = _RunningBuild(time.monotonic(), me)
            place = self._begin(running)
        try:
            while place is not None:
                began = running.since
                try:
                    result = self._build(self._unit[place])
                except BaseException as error:  # noqa: BLE001  `take` raises it in the unit's thread
                    self._fail(place, error)
                    return
                seconds = time.monotonic() - began
                if seconds > _PROGRESS_SECONDS:
                    self._in_progress.touch([self._unit[place].id])
                place = self._end(place, result, waited=clock.waited(seconds))
        finally:
            with self._lock:
                self._clocks.pop(me, None)

    def take(self) -> list[T]:
        """Return the results since the last call. Raise what a build raised."""
        with self._lock:
            if self._raised:
                raise self._raised
            results, self._results = self._results, []
        return results

    def expire(self, now: float) -> list[int]:
        """Abandon the builds that exceed their timeout. Return the threads that run them."""
        return self._abandon(now, hangs=True)

    def expire_all(self) -> list[int]:
        """The time of the unit is over: abandon all builds. Return the threads that run them."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
        results = [self._late(self._unit[place], False) for place in waiting]
        with self._lock:
            self._results += results
            self._missing -= len(waiting)
        return self.expire(time.monotonic()) + self._abandon(None, hangs=False)

    def set_aside(self, before: float, aside: UnitAside[T]) -> list[int]:
        """Set aside the builds that began before that time. Return the threads that run them.

        None is set aside while no timer can be started: nothing would abandon it at its timeout.
        """
        threads = []
        with self._lock:
            for place, running in self._running.items():
                if running.aside or running.since >= before:
                    continue
                due = self._unit[place]
                if not self._watch(place, running, max(running.since + self._timeout(due) - time.monotonic(), 0.0)):
                    break
                self._in_progress.add_holder(due.id)  # for the thread
                self._in_progress.add_holder(due.id)  # for the unit that takes the result
                aside.expect(due.id)
                running.aside = aside
                self._missing -= 1
                threads.append(running.thread)
                self._clocks.pop(running.thread, None)
            self._check_done()
        return threads

    def leave(self) -> list[int]:
        """Drop the builds that wait and abandon those that run. Return the threads that run them."""
        with self._lock:
            self._waiting.clear()
        return self._abandon(None, hangs=None)

    def _abandon(self, now: float | None, *, hangs: bool | None) -> list[int]:
        """Abandon the builds that exceed their timeout `now`, all if it is None. Return the threads that run them.

        `late` is called with `hangs` for the result of each; None: the unit needs no result.
        """
        with self._lock:
            places = [
                place
                for place, running in self._running.items()
                if not running.aside and self._exceeds_timeout(place, now)
            ]
            threads = [self._running.pop(place).thread for place in places]
            for thread in threads:
                self._clocks.pop(thread, None)
            for place in places:
                self._in_progress.add_holder(self._unit[place].id)
        if places:
            self._hanging(len(places))
            results = [] if hangs is None else [self._late(self._unit[place], hangs) for place in places]
            with self._lock:
                self._results += results
                self._missing -= len(places)
                self._check_done()
        return threads

    def _exceeds_timeout(self, place: int, now: float | None) -> bool:
        return now is None or now - self._running[place].since > self._timeout(self._unit[place])

    def _watch(self, place: int, running: _RunningBuild[T], seconds: float) -> bool:
        """Check in so many seconds whether a build that is set aside exceeds its timeout. The lock is held.

        Return False if no thread can be started for it.
        """
        timer = threading.Timer(seconds, self._time_out, (place,))
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:
            return False
        running.timer = timer
        return True

    def _time_out(self, place: int) -> None:
        """Abandon a build that was set aside once it exceeds its timeout, which may have grown meanwhile."""
        while True:
            with self._lock:
                running = self._running.get(place)
                if running is None or self._exceeds_timeout(place, time.monotonic()):
                    self._running.pop(place, None)
                    break
            assert running.timer  # noqa: S101  narrows the type
            running.timer.finished.wait(1.0)
        if running and running.aside:
            self._hanging(1)
            self._put(place, running.aside, self._late(self._unit[place], True))

    def _begin(self, running: _RunningBuild[T]) -> int | None:
        """Return the place of the build that begins now, None if none is waiting. The lock is held."""
        if not self._waiting:
            return None
        place = self._waiting.popleft()
        self._running[place] = running
        return place

    def _end(self, place: int, result: T, *, waited: bool) -> int | None:
        """Hand over the result. Return the place of the thread's next build.

        None if none is waiting, or if this one was abandoned or set aside: its thread ends then.
        """
        with self._lock:
            running = self._running.pop(place, None)
            if running and not running.aside:
                self._results.append(result)
                self.built += 1
                self.waited += waited
                self._missing -= 1
                self._check_done()
                running.since = time.monotonic()
                return self._begin(running)
        if running and running.aside:
            self._put(place, running.aside, result)
        self._end_thread(place, running)
        return None

    def _fail(self, place: int, error: BaseException) -> None:
        with self._lock:
            running = self._running.pop(place, None)
            if running and not running.aside:
                self._raised = error
                self.done.set()
                return
        if running and running.aside:
            self._put(place, running.aside, self._late(self._unit[place], True))
        self._end_thread(place, running)

    def _put(self, place: int, aside: UnitAside[T], result: T) -> None:
        id_ = self._unit[place].id
        if not aside.put(id_, result):
            self._in_progress.release([id_])  # no unit takes the result

    def _end_thread(self, place: int, running: _RunningBuild[T] | None) -> None:
        """Clean up after an abandoned or set-aside build has ended."""
        if running and running.timer:
            running.timer.cancel()
        if running is None:
            self._hanging(-1)
        self._in_progress.release([self._unit[place].id])

    def _check_done(self) -> None:
        if not self._missing:
            self.done.set()
