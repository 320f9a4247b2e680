"""Whether this worker process is to end. Its threads look at it."""

import os
import signal
import threading
from collections.abc import Mapping
from uuid import UUID

from celery_units.unfinished import Unfinished
from notifier.errors import NotifierError
from notifier.outbox import Change


class Stop:
    """An event that is set once, when the process is to end. Threads then stop waiting, and begin nothing new.

    `exit_code` is the smallest exit code of the process: not 0 if it ends without being asked to.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.exit_code = 0

    def __bool__(self) -> bool:
        """Always raise TypeError: `stop or Stop()` would give a thread an event that is never set."""
        raise TypeError("ask a Stop for is_set()")

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds, or until it is set. Return whether it is set."""
        return self._event.wait(seconds)

    def leave(self) -> None:
        """End this process as SIGTERM does, but with exit code 1, so that an orchestrator starts another one."""
        self.exit_code = 1
        os.kill(os.getpid(), signal.SIGTERM)


class Stopped(NotifierError):
    """The process is to end. The deliveries `left` have not begun: their messages go back to the broker.

    `changes` has what happened to the others.
    """

    def __init__(self, changes: Mapping[UUID, Change | Unfinished], left: set[UUID]) -> None:
        super().__init__(f"this worker ends; {len(left)} messages are given back")
        self.changes = changes
        self.left = left
