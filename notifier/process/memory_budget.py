"""Room in memory for what may be large, for all threads of a process together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.errors import NotifierError

_STEP_SECONDS = 0.25


class NoRoom(NotifierError):
    """Whoever waited for room waits no more."""


def _goes_on() -> bool:
    return True


class Room:
    """So many bytes. What is larger than all of it may come in when nothing else is."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int, goes_on: Callable[[], bool] = _goes_on) -> Iterator[None]:
        """Wait until there is room, and hold it.

        `goes_on` is asked before each quarter of a second of the wait. Raise NoRoom once it says no.
        """
        with self._changed:
            while self._used and self._used + size > self.size:
                if not goes_on():
                    raise NoRoom
                self._changed.wait(_STEP_SECONDS)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()
