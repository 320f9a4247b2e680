"""The processes in which a worker builds notifications alone: started when they are needed, kept for a minute."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from workers.isolation.child import Child

log = structlog.get_logger(__name__)

STARTING = 2
"""At once; each takes one or two seconds of CPU time to start."""
IDLE_SECONDS = 60.0
TAKE_SECONDS = 30.0
FRUITLESS = 3
"""After so many starts in a row that failed, nobody waits for the next one."""
_AGAIN_SECONDS = 30.0


class NoProcess(Exception):
    """None was free in time; or, where `fruitless`, none comes up. Says why."""

    def __init__(self, reason: str, *, fruitless: bool) -> None:
        super().__init__(reason)
        self.fruitless = fruitless


class ProcessPool:
    """At most `most` of them. Safe to share between threads: each has a process for itself for a while.

    A process is started in a thread of its own: whoever waits for it takes one that becomes free first.
    """

    def __init__(self, start: Callable[[], Child], most: int, patience: float = TAKE_SECONDS) -> None:
        self._start = start
        self._most = most
        self._patience = patience
        self._changed = threading.Condition()
        self._idle: list[tuple[float, Child]] = []
        self._count = 0
        """Of those that are idle, in use, and on their way."""
        self._starting = 0
        self._waiting = 0
        self._failed = 0
        self._failure = ""
        self._again_at = 0.0
        self._timer: threading.Timer | None = None

    @contextmanager
    def one(self) -> Iterator[Child]:
        """A process for this thread. One that has ended, or met an error, is not used again. Raises NoProcess."""
        child = self._take()
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        finally:
            self._put_back(child)

    def _take(self) -> Child:
        until = time.monotonic() + self._patience
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    if child := self._next():
                        return child
                    self._staff()
                    if self._failed >= FRUITLESS:
                        raise NoProcess(self._failure, fruitless=True)
                    if (left := until - time.monotonic()) <= 0:
                        raise NoProcess(f"no process was free within {self._patience:g} s", fruitless=False)
                    self._changed.wait(left)
            finally:
                self._waiting -= 1

    def _next(self) -> Child | None:
        """Somebody may have ended the idle ones. The lock is held."""
        while self._idle:
            child = self._idle.pop()[1]
            if child.is_running:
                return child
            self._drop(child)
        return None

    def _staff(self) -> None:
        """Start as many as there are threads that wait and have none to take. The lock is held."""
        while self._starting < min(STARTING, self._waiting - len(self._idle)) and self._count < self._most:
            if self._failed >= FRUITLESS:
                if time.monotonic() < self._again_at:
                    return
                self._again_at = time.monotonic() + _AGAIN_SECONDS
            self._starting += 1
            self._count += 1
            try:
                threading.Thread(target=self._bring_up, name="start of a process", daemon=True).start()
            except RuntimeError as error:  # no more threads
                self._fail(error)

    def _bring_up(self) -> None:
        try:
            child = self._start()
        except Exception as error:  # noqa: BLE001  whatever it is: those who wait must hear of it
            with self._changed:
                self._fail(error)
            return
        with self._changed:
            self._starting -= 1
            self._failed = 0
            self._keep(child)
            self._staff()  # for those who found STARTING on their way and wait still

    def _fail(self, error: Exception) -> None:
        self._starting -= 1
        self._count -= 1
        self._failed += 1
        self._failure = str(error)
        self._again_at = time.monotonic() + _AGAIN_SECONDS
        self._changed.notify_all()
        log.error("a process to build notifications alone did not come up", error=self._failure, times=self._failed)

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
        """Look again for processes that are idle for too long. The lock is held."""
        if self._timer is None:
            self._timer = threading.Timer(IDLE_SECONDS, self._close_idle, (IDLE_SECONDS,))
            self._timer.daemon = True
            self._timer.start()

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
