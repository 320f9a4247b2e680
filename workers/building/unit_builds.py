"""The runs of one unit's builds: what is to be built, what is under way in which thread, and what is built."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from notifier.outbox import DueNotification
from workers.process.in_progress import InProgress

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Aside(Protocol[T_contra]):
    """Takes the results of builds that their unit does not wait for."""

    def expect(self, id_: UUID) -> object: ...
    def come(self, id_: UUID, result: T_contra) -> bool: ...


@dataclass(slots=True)
class _RunningBuild(Generic[T]):
    """A build under way. `aside` takes its result once its unit went on without it; `timer` ends the wait for it."""

    since: float
    thread: int
    aside: Aside[T] | None = None
    timer: threading.Timer | None = None


class UnitBuilds(Generic[T]):
    """Threads call `work`, the unit all else. Each build has one result: its own, or what `late` makes of it.

    A build whose result nobody waits for any more is abandoned; `hangs` is told of each, and of its end.
    """

    def __init__(
        self,
        works: Sequence[DueNotification],
        build: Callable[[DueNotification], T],
        underway: InProgress,
        late: Callable[[DueNotification, bool], T],
        timeout: Callable[[DueNotification], float],
        hangs: Callable[[int], None],
    ) -> None:
        self._works = works
        self._build = build
        self._underway = underway
        self._late = late
        self._timeout = timeout
        self._hangs = hangs
        self._lock = threading.Lock()
        self._todo = deque(range(len(works)))
        self._under_way: dict[int, _RunningBuild[T]] = {}
        self._built: list[T] = []
        self._missing = len(works)
        self._raised: BaseException | None = None
        self.ready = 0
        """How many are built."""
        self.done = threading.Event()

    @property
    def waiting(self) -> int:
        """How many are not begun."""
        return len(self._todo)

    def work(self) -> None:
        """Build until nothing is to be built, or until nobody waits for this thread any more."""
        while (place := self._begin()) is not None:
            try:
                built = self._build(self._works[place])
            except BaseException as error:  # noqa: BLE001  the unit raises it
                self._fail(place, error)
                return
            if not self._end(place, built):
                return

    def take(self) -> list[T]:
        """What was built since the last time. Raises what a build raised."""
        with self._lock:
            if self._raised:
                raise self._raised
            built, self._built = self._built, []
        return built

    def expire(self, now: float) -> list[int]:
        """Give up what exceeds its timeout; answers the threads that are at it."""
        return self._abandon(now, hangs=True)

    def expire_all(self) -> list[int]:
        """Give up all that is missing: the time of the unit is over. Answers the threads that are at it."""
        with self._lock:
            todo, self._todo = list(self._todo), deque()
        results = [self._late(self._works[place], False) for place in todo]
        with self._lock:
            self._built += results
            self._missing -= len(todo)
        return self.expire(time.monotonic()) + self._abandon(None, hangs=False)

    def set_aside(self, before: float, aside: Aside[T]) -> list[int]:
        """Leave what began before that time to `aside`; answers the threads that are at it."""
        threads = []
        with self._lock:
            for place, run in self._under_way.items():
                if run.aside or run.since >= before:
                    continue
                work = self._works[place]
                self._underway.keep(work.id)  # for the thread
                self._underway.keep(work.id)  # for who takes the result
                aside.expect(work.id)
                left = max(run.since + self._timeout(work) - time.monotonic(), 0.0)
                run.aside, run.timer = aside, threading.Timer(left, self._overdue, (place,))
                run.timer.daemon = True
                run.timer.start()
                self._missing -= 1
                threads.append(run.thread)
            self._check()
        return threads

    def leave(self) -> list[int]:
        """The unit ends, whatever is missing; answers the threads that are at what it abandons."""
        with self._lock:
            self._todo.clear()
        return self._abandon(None, hangs=None)

    def _abandon(self, now: float | None, *, hangs: bool | None) -> list[int]:
        """Wait no more for builds that exceed their timeout `now`, or for all; answers the threads that are at them.

        `hangs` is what `late` is told of each; None: the unit wants no result.
        """
        with self._lock:
            places = [place for place, run in self._under_way.items() if not run.aside and self._is_over(place, now)]
            threads = [self._under_way.pop(place).thread for place in places]
            for place in places:
                self._underway.keep(self._works[place].id)
        if places:
            self._hangs(len(places))
            results = [] if hangs is None else [self._late(self._works[place], hangs) for place in places]
            with self._lock:
                self._built += results
                self._missing -= len(places)
                self._check()
        return threads

    def _is_over(self, place: int, now: float | None) -> bool:
        return now is None or now - self._under_way[place].since > self._timeout(self._works[place])

    def _overdue(self, place: int) -> None:
        """A build that was set aside exceeds its timeout, unless that has grown."""
        with self._lock:
            run = self._under_way.get(place)
            if run and not self._is_over(place, time.monotonic()):
                run.timer = threading.Timer(1.0, self._overdue, (place,))
                run.timer.daemon = True
                run.timer.start()
                return
            run = self._under_way.pop(place, None)
        if run and run.aside:
            self._hangs(1)
            self._come(place, run.aside, self._late(self._works[place], True))

    def _begin(self) -> int | None:
        with self._lock:
            if not self._todo:
                return None
            place = self._todo.popleft()
            self._under_way[place] = _RunningBuild(time.monotonic(), threading.get_ident())
            return place

    def _end(self, place: int, built: T) -> bool:
        """Whether the unit still waits for this thread."""
        self._underway.moved([self._works[place].id])
        with self._lock:
            run = self._under_way.pop(place, None)
            if run and not run.aside:
                self._built.append(built)
                self.ready += 1
                self._missing -= 1
                self._check()
                return True
        if run and run.aside:
            self._come(place, run.aside, built)
        self._let_go(place, run)
        return False

    def _fail(self, place: int, error: BaseException) -> None:
        with self._lock:
            run = self._under_way.pop(place, None)
            if run and not run.aside:
                self._raised = error
                self.done.set()
                return
        if run and run.aside:
            self._come(place, run.aside, self._late(self._works[place], True))
        self._let_go(place, run)

    def _come(self, place: int, aside: Aside[T], result: T) -> None:
        id_ = self._works[place].id
        if not aside.come(id_, result):
            self._underway.release([id_])  # nobody takes it

    def _let_go(self, place: int, run: "_RunningBuild[T] | None") -> None:
        """The thread has ended a build that its unit did not wait for."""
        if run and run.timer:
            run.timer.cancel()
        if run is None:
            self._hangs(-1)
        self._underway.release([self._works[place].id])

    def _check(self) -> None:
        if not self._missing:
            self.done.set()
