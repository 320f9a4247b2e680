"""The end of this worker process, as its threads learn of it."""

import os
import signal
import threading
from collections.abc import Mapping
from uuid import UUID

from celery_units.later import Later
from notifier.errors import NotifierError
from notifier.outbox import Change


class Stop:
    """Set once. What waits in a thread then returns at once, and what has not begun goes back to the broker.

    `exit_code` is the least that the process ends with: more than 0 where nobody asked for the end.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.exit_code = 0

    def __bool__(self) -> bool:
        """Refused: `stop or Stop()` would part the threads from the process's own one."""
        raise TypeError("ask a Stop for is_set()")

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the end begins. Return whether it has begun."""
        return self._event.wait(seconds)

    def leave(self) -> None:
        """End this process as SIGTERM does, but with exit code 1: an orchestrator starts another one."""
        self.exit_code = 1
        os.kill(os.getpid(), signal.SIGTERM)


class Stopped(NotifierError):
    """The process is to end: the deliveries `left` have not begun, and their messages go back to the broker.

    `changes` says what became of the others.
    """

    def __init__(self, changes: Mapping[UUID, Change | Later], left: set[UUID]) -> None:
        super().__init__(f"this worker ends; {len(left)} messages are given back")
        self.changes = changes
        self.left = left
