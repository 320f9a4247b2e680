"""Room in memory for what may be large, for all threads of a process together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """So many bytes. What is larger than all of it may come in when nothing else is."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def of(self, size: int) -> Iterator[None]:
        """Wait until there is room, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= self.size)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()
