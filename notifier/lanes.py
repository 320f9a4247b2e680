"""Requests side by side, but only so many to one receiver: a slow one must not take the threads of all others."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial

from notifier.outcomes import Late, Outcome

SLOW_SECONDS = 2.0
"""A receiver is slow while one of its requests has been under way for longer."""

Call = Callable[[], Outcome]


@dataclass(slots=True)
class _Lane:
    """The requests to one receiver: how many have a place, when each of those that left did, and what waits."""

    placed: int = 0
    began: dict[int, float] = field(default_factory=dict)
    waiting: deque[tuple[Call, "Future[Outcome]"]] = field(default_factory=deque)


class Lanes:
    """At most `limit` calls of one lane are in the hands of `threads` at once; the rest wait in order. Thread-safe.

    While the receiver is slow nothing waits for it: what has no place is `Late` at once.
    """

    def __init__(self, threads: Executor, limit: int, slow_seconds: float = SLOW_SECONDS) -> None:
        self._threads = threads
        self._limit = limit
        self._slow_seconds = slow_seconds
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}

    def submit(self, lane: str, call: Call) -> "Future[Outcome]":
        """Run the call as soon as its lane has a place. `call` must not raise."""
        future: Future[Outcome] = Future()
        with self._lock:
            found = self._lanes.setdefault(lane, _Lane())
            if self._is_slow(found):
                future.set_result(_late())
                return future
            found.waiting.append((call, future))
            started = self._next(lane, found)
        self._start(started)
        return future

    def give_up_slow(self) -> None:
        """What waits for a slow receiver is `Late` from now on."""
        with self._lock:
            given_up: list[tuple[Call, Future[Outcome]]] = []
            for lane in self._lanes.values():
                if self._is_slow(lane):
                    given_up += lane.waiting
                    lane.waiting.clear()
        for _, future in given_up:
            future.set_result(_late())

    def _is_slow(self, lane: _Lane) -> bool:
        return any(began < time.monotonic() - self._slow_seconds for began in lane.began.values())

    def _next(self, name: str, lane: _Lane) -> list[tuple[str, Call, "Future[Outcome]"]]:
        """The calls that have a place now, which is theirs from here on. The lock is held."""
        started = []
        while lane.waiting and lane.placed < self._limit:
            lane.placed += 1
            started.append((name, *lane.waiting.popleft()))
        return started

    def _start(self, started: list[tuple[str, Call, "Future[Outcome]"]]) -> None:
        for name, call, future in started:
            self._threads.submit(partial(self._run, name, call, future))

    def _run(self, name: str, call: Call, future: "Future[Outcome]") -> None:
        me = threading.get_ident()
        with self._lock:
            self._lanes[name].began[me] = time.monotonic()
        outcome = call()
        with self._lock:
            lane = self._lanes[name]
            del lane.began[me]
            lane.placed -= 1
            started = self._next(name, lane)
            if not lane.placed:
                del self._lanes[name]
        self._start(started)
        future.set_result(outcome)


def _late() -> Late:
    return Late("its receiver is slow, and has as many requests as it may have at once; not sent")
