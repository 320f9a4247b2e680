"""The processes for isolated builds: started when they are needed, and kept for a minute."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from workers.isolation.child import Child
from workers.process.starting import try_to_start

log = structlog.get_logger(__name__)

STARTING = 2
"""Processes that may start concurrently. Each start takes one or two seconds of CPU time."""
IDLE_SECONDS = 60.0
TAKE_SECONDS = 30.0
FAILED_STARTS = 3
"""After this many failed starts in a row, builds no longer wait for a process."""
_AGAIN_SECONDS = 30.0


class NoProcess(Exception):
    """No process was free in time, or, with `none_starts`, FAILED_STARTS in a row failed. The text is the reason."""

    def __init__(self, reason: str, *, none_starts: bool) -> None:
        super().__init__(reason)
        self.none_starts = none_starts


class ProcessPool:
    """At most `most` processes. Safe to share between threads: one thread at a time uses a process.

    A process is started in a thread of its own, so that a waiting build can use a process that
    becomes free before the new one is ready.
    """

    def __init__(self, start: Callable[[], Child], most: int, timeout: float = TAKE_SECONDS) -> None:
        self._start = start
        self._most = most
        self._timeout = timeout
        self._changed = threading.Condition()
        self._idle: list[tuple[float, Child]] = []
        self._count = 0
        """Processes that are idle, in use, or being started."""
        self._starting = 0
        self._waiting = 0
        self._failed = 0
        self._failure = ""
        self._again_at = 0.0
        self._timer: threading.Timer | None = None

    @contextmanager
    def one(self) -> Iterator[Child]:
        """Yield a process for this thread. It is ended if the block raises. Raise NoProcess."""
        child = self._take()
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        finally:
            self._put_back(child)

    def _take(self) -> Child:
        until = time.monotonic() + self._timeout
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    if child := self._next():
                        return child
                    self._start_more()
                    if self._failed >= FAILED_STARTS:
                        raise NoProcess(self._failure, none_starts=True)
                    if (left := until - time.monotonic()) <= 0:
                        raise NoProcess(f"no process was free within {self._timeout:g} s", none_starts=False)
                    self._changed.wait(left)
            finally:
                self._waiting -= 1

    def _next(self) -> Child | None:
        """Return an idle process, without those that have ended meanwhile. The lock is held."""
        while self._idle:
            child = self._idle.pop()[1]
            if child.is_running:
                return child
            self._drop(child)
        return None

    def _start_more(self) -> None:
        """Start one for each thread that waits and has no idle one to take. The lock is held."""
        while self._starting < min(STARTING, self._waiting - len(self._idle)) and self._count < self._most:
            if self._failed >= FAILED_STARTS:
                if time.monotonic() < self._again_at:
                    return
                self._again_at = time.monotonic() + _AGAIN_SECONDS
            self._starting += 1
            self._count += 1
            try:
                threading.Thread(target=self._run_start, name="start of a process", daemon=True).start()
            except RuntimeError as error:  # no more threads
                self._fail(error)

    def _run_start(self) -> None:
        try:
            child = self._start()
        except Exception as error:  # noqa: BLE001  whatever it is, the waiting threads are notified
            with self._changed:
                self._fail(error)
            return
        with self._changed:
            self._starting -= 1
            self._failed = 0
            self._keep(child)
            self._start_more()  # STARTING limited the starts before: start more for the threads that wait

    def _fail(self, error: Exception) -> None:
        self._starting -= 1
        self._count -= 1
        self._failed += 1
        self._failure = str(error)
        self._again_at = time.monotonic() + _AGAIN_SECONDS
        self._changed.notify_all()
        log.error("a process for isolated builds could not be started", error=self._failure, times=self._failed)

    def _put_back(self, child: Child) -> None:
        with self._changed:
            if child.is_running:
                self._keep(child)
            else:
                self._drop(child)

    def _keep(self, child: Child) -> None:
        self._idle.append((time.monotonic(), child))
        self._changed.notify()
        self._watch()

    def _drop(self, child: Child) -> None:
        child.kill()
        self._count -= 1
        self._changed.notify()

    def _watch(self) -> None:
        """Start a timer that ends the processes which are idle for IDLE_SECONDS by then. The lock is held.

        If no thread can be started for it, the next process that becomes idle tries again.
        """
        if self._timer is None:
            timer = threading.Timer(IDLE_SECONDS, self._close_idle, (IDLE_SECONDS,))
            timer.daemon = True
            if try_to_start(timer, "idle processes are not ended yet"):
                self._timer = timer

    def _close_idle(self, seconds: float) -> None:
        since = time.monotonic() - seconds
        with self._changed:
            over = [child for used, child in self._idle if used <= since]
            self._idle = [each for each in self._idle if each[0] > since]
            self._count -= len(over)
            self._timer = None
            if self._idle:
                self._watch()
        for child in over:
            child.kill()
