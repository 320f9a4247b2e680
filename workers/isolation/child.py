"""A process that builds one notification at a time for a worker, as the worker uses it."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from notifier.outbox import Change, DueNotification
from workers.isolation.frames import Frames, FrameTimeout, frame

START_SECONDS = 120.0
BEGIN_SECONDS = 30.0
"""How long an idle process may take to begin a build."""
PING_SECONDS = 10.0
END_SECONDS = 5.0
"""How long a process that has closed its pipe may take to end, before it is killed."""
OUT_OF_MEMORY = 70
"""The exit code of a process after MemoryError."""

_LOCK_HELD = "one call did not release Python's lock, see the worker's log"


class BuildNotBegun(Exception):
    """The process ended, or did not answer, before the build began, so no route caused it. The text is the cause."""


class DiedDuringBuild(Exception):
    """The process ended during a build. The text is the cause."""


class BuildTimeout(Exception):
    """The build exceeded its timeout."""


class NotPicklable(Exception):
    """The notification was built, and its result cannot be sent to the worker."""


@dataclass(frozen=True, slots=True)
class Built:
    """A notification that is ready to be sent, as the process sends it to the worker."""

    request: Any
    content: Any
    address: str
    original: str = ""
    template: str = ""
    further: tuple[str, ...] = ()


READY, BEGUN, NOT_PICKLED = "ready", "begun", "not pickled"
PING, ALIVE = "ping", "alive"
"""A process that takes too long is asked whether another of its threads runs: none does while one call holds Python's
lock.
"""
_ALIVE = pickle.dumps(ALIVE)


class Child:
    """A running process that builds notifications of one channel. Not safe to share between threads."""

    def __init__(self, channel: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it. Raise BuildNotBegun if it does not come up, OSError if it cannot be started."""
        command = [sys.executable, "-P", "-m", "workers.isolation.process", channel]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
        assert self._process.stdin is not None  # noqa: S101  narrows the type
        assert self._process.stdout is not None  # noqa: S101
        self._frames = Frames(self._process.stdout, self._process.stdin)
        try:
            self._frames.read(START_SECONDS)
        except FrameTimeout:
            self.kill()
            raise BuildNotBegun(f"it did not come up within {START_SECONDS:g} s") from None
        except (EOFError, OSError):
            raise BuildNotBegun(self._end()) from None

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def build(self, due: DueNotification, timeout: float) -> Built | Change:
        """Return the notification ready to be sent, or its change. `timeout` is in seconds.

        Raise BuildNotBegun, DiedDuringBuild, BuildTimeout or NotPicklable.
        """
        self._begin(due)
        try:
            try:
                answer = self._frames.read(timeout)
            except FrameTimeout:
                answer = self._ask()
        except (EOFError, OSError):
            raise DiedDuringBuild(self._end()) from None
        return self._built(answer)

    def _begin(self, due: DueNotification) -> None:
        """Send it to the process, and wait until its build begins. Raise BuildNotBegun."""
        try:
            self._frames.write(frame(due), BEGIN_SECONDS)
            self._frames.read(BEGIN_SECONDS)
        except FrameTimeout:
            self.kill()
            raise BuildNotBegun(f"it did not begin within {BEGIN_SECONDS:g} s") from None
        except (EOFError, OSError):
            raise BuildNotBegun(self._end()) from None

    def _ask(self) -> bytes:
        """Return the answer if it has just come. Raise BuildTimeout if the build goes on.

        Raise DiedDuringBuild if no thread of the process runs.
        """
        try:
            self._frames.write(frame(PING), PING_SECONDS)
            answer = self._frames.read(PING_SECONDS)
        except FrameTimeout:
            self.kill()
            raise DiedDuringBuild(_LOCK_HELD) from None
        if answer == _ALIVE:
            raise BuildTimeout
        try:
            self._frames.read(PING_SECONDS)  # the answer to the ping, behind it
        except (FrameTimeout, EOFError, OSError):
            self.kill()  # it can build no more, but this build is done
        return answer

    def _built(self, answer: bytes) -> Built | Change:
        try:
            built = pickle.loads(answer)  # noqa: S301  our own program wrote it
        except (Exception, SystemExit) as error:  # whatever the user's objects raise
            raise NotPicklable from error
        if built == NOT_PICKLED:
            raise NotPicklable
        assert isinstance(built, Built | Change)  # noqa: S101
        return built

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _end(self) -> str:
        """It closed its pipe. Kill it if it does not end; return how it ended."""
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        return ending(code)


def ending(code: int | None) -> str:
    """Return how a process ended, by its exit code; None if it had to be killed."""
    if code is None:
        return "it closed its pipe"
    if code == OUT_OF_MEMORY:
        return "out of memory"
    if code == -signal.SIGVTALRM:
        return _LOCK_HELD
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"it ended with exit code {code}"
