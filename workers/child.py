"""A process that builds one notification at a time for a worker, and what it is told and answers: pickles on pipes.

Both ends are the same program, so each trusts what the other writes.
"""

import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from notifier.outbox import Change, Work

START_SECONDS = 120.0
OUT_OF_MEMORY = 70
"""The exit code of a process that met MemoryError."""


_STILL = "it stood still: one call held Python's lock, see the worker's log"


class Died(Exception):
    """The process ended in the middle of a build; says how."""


class Overdue(Exception):
    """The build took too long."""


class Unpicklable(Exception):
    """The notification was built, and cannot be handed over."""


@dataclass(frozen=True, slots=True)
class Built:
    """What the process hands over of a notification that is ready to be sent."""

    request: Any
    content: Any
    address: str


READY, NOT_PICKLED = "ready", "not pickled"
PING, ALIVE = "ping", "alive"
"""A process that takes too long is asked whether another of its threads runs: not while one call holds Python's lock.
"""
PING_SECONDS = 10.0


class Child:
    """One such process. Not safe to share between threads."""

    def __init__(self, channel: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it. Raises Died where it does not come up, and OSError."""
        command = [sys.executable, "-P", "-m", "workers.isolated", channel]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        try:
            self._read(START_SECONDS)
        except Overdue:
            self.kill()
            raise Died(f"it did not come up within {START_SECONDS:g} s") from None

    def build(self, work: Work, timeout: float) -> Built | Change:
        """What it made of the notification. Raises Died, Overdue, Unpicklable."""
        self._tell(work)
        try:
            answer = self._read(timeout)
        except Overdue:
            answer = self._ask()
        if answer == NOT_PICKLED:
            raise Unpicklable
        assert isinstance(answer, Built | Change)  # noqa: S101
        return answer

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None  # noqa: S101  narrows the type
        try:
            pickle.dump(what, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None

    def _ask(self) -> object:
        """The answer, where it has just come. Raises Overdue where the build goes on, Died where nothing runs."""
        self._tell(PING)
        try:
            answer = self._read(PING_SECONDS)
        except Overdue:
            self.kill()
            raise Died(_STILL) from None
        if answer == ALIVE:
            raise Overdue
        self._read(PING_SECONDS)  # the answer to the ping, behind it
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not written yet, nobody takes any more
                    pipe.close()

    def _read(self, timeout: float) -> object:
        assert self._process.stdout is not None  # noqa: S101
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            raise Overdue
        try:
            return pickle.load(self._process.stdout)  # noqa: S301  our own program wrote it
        except Exception as error:
            raise self._died() from error

    def _died(self) -> Died:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        return Died(ending(code))


def ending(code: int | None) -> str:
    """How a process ended, by its exit code."""
    if code is None:
        return "it closed its pipe"
    if code == OUT_OF_MEMORY:
        return "out of memory"
    if code == -signal.SIGVTALRM:
        return _STILL
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"it ended with exit code {code}"
