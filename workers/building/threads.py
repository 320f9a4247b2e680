"""Threads for calls that wait. Unlike those of `concurrent.futures`, they do not keep the process from ending."""

import threading
from collections import deque
from collections.abc import Callable, Collection

import structlog

log = structlog.get_logger(__name__)


class Threads:
    """At most `limit` threads, started when they are needed and then kept. A call must not raise.

    A thread that was given up does not count against the limit, up to `spare` of them: another takes its place.
    """

    def __init__(self, limit: int, name: str, spare: int = 0) -> None:
        self._limit = limit
        self._spare = spare
        self._name = name
        self._queue: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._alive = 0
        self._idle = 0
        self._started = 0
        self._refused = False
        self._running: dict[int, Callable[[], None]] = {}
        self._given_up: set[int] = set()

    @property
    def alive(self) -> int:
        return self._alive

    def submit(self, call: Callable[[], None]) -> None:
        """Run it as soon as a thread is free. Raise RuntimeError if there is none and none can be started."""
        with self._changed:
            self._queue.append(call)
            self._start()
            if self._refused and self._alive == len(self._given_up):
                self._queue.pop()
                raise RuntimeError("no thread can be started")
            self._changed.notify()

    def withdraw(self, call: Callable[[], None]) -> None:
        """Do not run it if no thread has begun it."""
        with self._changed:
            self._queue = deque(each for each in self._queue if each != call)

    def give_up(self, threads: Collection[int], call: Callable[[], None]) -> None:
        """Replace those of the threads, given by their idents, that run this call. They end when it returns."""
        with self._changed:
            self._given_up.update(each for each in threads if self._running.get(each) == call)
            self._start()

    def _start(self) -> None:
        """Start a thread for each call that waits, as far as the limit and the system allow. The lock is held."""
        while len(self._queue) > self._idle and self._counted() < self._limit:
            try:
                threading.Thread(target=self._run, name=f"{self._name}-{self._started + 1}", daemon=True).start()
            except RuntimeError as error:
                if not self._refused:
                    log.warning("no more threads can be started", alive=self._alive, reason=str(error))
                self._refused = True
                return
            self._refused = False
            self._alive += 1
            self._idle += 1
            self._started += 1

    def _counted(self) -> int:
        return self._alive - min(len(self._given_up), self._spare)

    def _run(self) -> None:
        while call := self._next():
            call()

    def _next(self) -> Callable[[], None] | None:
        """Wait for a call. None if another thread has taken the place of this one."""
        me = threading.get_ident()
        with self._changed:
            if self._running.pop(me, None):
                self._given_up.discard(me)
                if self._counted() > self._limit:
                    self._alive -= 1
                    return None
                self._idle += 1
            self._changed.wait_for(lambda: self._queue)
            self._idle -= 1
            call = self._running[me] = self._queue.popleft()
            return call
