"""Concurrent requests to several receivers, with a limit for each, so that slow ones leave threads to the others."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial

from notifier.outcomes import Late, Outcome

SLOW_SECONDS = 2.0
"""A receiver is slow while one of its requests has been running for longer, and after one took longer."""
SLOW_LIMIT = 2
"""Concurrent requests of a slow receiver. Every receiver may have so many, however many others have."""
REMEMBERED_SECONDS = 60.0
"""How long a receiver counts as slow after a slow answer, unless a fast one comes."""

Work = Callable[[], Outcome]
"""Sends one message. It must not raise."""


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """How many receivers have requests, how many of them are slow; how many requests run, and how many wait."""

    open: int
    slow: int
    running: int
    waiting: int


@dataclass(slots=True)
class _Lane:
    """The requests to one receiver.

    `placed` of them were given to the threads; `began` has the start of each that runs, by thread; `waiting` are the
    others.
    """

    placed: int = 0
    began: dict[int, float] = field(default_factory=dict)
    waiting: deque[tuple[Work, "Future[Outcome]"]] = field(default_factory=deque)


class Lanes:
    """One lane for each receiver: at most `limit` of its requests run at once, and the rest wait in order.
    Thread-safe.

    `places` is the number of threads. Beyond SLOW_LIMIT for each, all lanes together have at most half of the places,
    so that several receivers that become slow at once leave threads to the others. A slow lane has at most SLOW_LIMIT
    places, and all slow lanes together at most half. Nothing waits behind a slow request: what has no place then is
    `Late` at once.
    """

    def __init__(self, threads: Executor, limit: int, places: int, slow_seconds: float = SLOW_SECONDS) -> None:
        self._threads = threads
        self._limit = limit
        self._slow_seconds = slow_seconds
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._half = max(1, places // 2)
        self._shared = 0  # places in use beyond the first SLOW_LIMIT of each lane
        self._short: dict[str, None] = {}  # lanes that wait for such a place, in order
        self._slow_until: dict[str, float] = {}

    def submit(self, lane: str, call: Work) -> "Future[Outcome]":
        """Run `call` in a thread as soon as its lane has a place. Return a future of its outcome."""
        future: Future[Outcome] = Future()
        with self._lock:
            found = self._lanes.setdefault(lane, _Lane())
            if self._is_slow(found) or self._has_no_turn(lane, found):
                if not found.placed:
                    del self._lanes[lane]
                future.set_result(_late())
                return future
            found.waiting.append((call, future))
            started = self._next(lane, found)
        self._start(started)
        return future

    def give_up_slow(self) -> None:
        """Make every waiting request of a slow receiver `Late`."""
        with self._lock:
            given_up: list[tuple[Work, Future[Outcome]]] = []
            for name, lane in self._lanes.items():
                if self._is_slow(lane):
                    given_up += lane.waiting
                    lane.waiting.clear()
                    self._short.pop(name, None)
        for _, future in given_up:
            future.set_result(_late())

    def counts(self) -> LaneCounts:
        with self._lock:
            lanes = self._lanes
            slow = sum(self._was_slow(name) or self._is_slow(lane) for name, lane in lanes.items())
            running = sum(len(lane.began) for lane in lanes.values())
            return LaneCounts(len(lanes), slow, running, sum(len(lane.waiting) for lane in lanes.values()))

    def _is_slow(self, lane: _Lane) -> bool:
        """Return whether one of its requests is slow now."""
        return any(began < time.monotonic() - self._slow_seconds for began in lane.began.values())

    def _was_slow(self, name: str) -> bool:
        """Return whether it answered slowly within REMEMBERED_SECONDS."""
        return name in self._slow_until and time.monotonic() < self._slow_until[name]

    def _has_no_turn(self, name: str, lane: _Lane) -> bool:
        """Return whether other slow lanes hold all places that slow lanes may have."""
        return not lane.placed and self._was_slow(name) and self._held_by_slow() >= self._half

    def _held_by_slow(self) -> int:
        return sum(lane.placed for name, lane in self._lanes.items() if self._was_slow(name) or self._is_slow(lane))

    def _next(self, name: str, lane: _Lane) -> list[tuple[str, Work, "Future[Outcome]"]]:
        """Give the lane's waiting requests the free places, and return them. The lock is held."""
        started = []
        was_slow = self._was_slow(name)
        limit = min(SLOW_LIMIT, self._limit) if was_slow else self._limit
        while lane.waiting and lane.placed < limit:
            if was_slow and lane.placed and self._held_by_slow() >= self._half:
                break
            if lane.placed >= SLOW_LIMIT:
                if self._shared >= self._half:
                    self._short[name] = None
                    break
                self._shared += 1
            lane.placed += 1
            started.append((name, *lane.waiting.popleft()))
        return started

    def _start(self, started: list[tuple[str, Work, "Future[Outcome]"]]) -> None:
        for name, call, future in started:
            self._threads.submit(partial(self._run, name, call, future))

    def _run(self, name: str, call: Work, future: "Future[Outcome]") -> None:
        me = threading.get_ident()
        with self._lock:
            began = self._lanes[name].began[me] = time.monotonic()
        outcome = call()
        with self._lock:
            lane = self._lanes[name]
            del lane.began[me]
            self._remember(name, time.monotonic() - began)
            started = self._leave(name, lane)
            if not lane.placed:
                del self._lanes[name]
        self._start(started)
        future.set_result(outcome)

    def _leave(self, name: str, lane: _Lane) -> list[tuple[str, Work, "Future[Outcome]"]]:
        """Free a place, and return the requests that get one: of this lane, or one that waits for a shared place."""
        lane.placed -= 1
        started = []
        if lane.placed >= SLOW_LIMIT:
            self._shared -= 1
            while self._short and self._shared < self._half:
                other = next(iter(self._short))
                del self._short[other]
                if found := self._lanes.get(other):
                    started += self._next(other, found)
        return started + self._next(name, lane)

    def _remember(self, name: str, seconds: float) -> None:
        """Note whether the receiver answered slowly, and delete what is too old."""
        now = time.monotonic()
        if seconds <= self._slow_seconds:
            self._slow_until.pop(name, None)
            return
        for other in [each for each, until in self._slow_until.items() if until <= now]:
            del self._slow_until[other]
        self._slow_until[name] = now + REMEMBERED_SECONDS


def _late() -> Late:
    return Late("its receiver is slow, and has as many requests as it may have at once; not sent")
