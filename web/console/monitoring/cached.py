"""A value that is read once for all who ask for it at about the same time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """What `read` returned at most `seconds` ago. Its methods may be called from any thread."""

    def __init__(self, read: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def get(self) -> T:
        """Return the value; read it first unless it is known. Those who ask meanwhile wait for the same answer.

        Raises what `read` raises; the next call reads again.
        """
        with self._lock:
            if self._known is None or self._clock() - self._known[0] > self._seconds:
                self._known = None
                value = self._read()
                self._known = self._clock(), value
            return self._known[1]

    def forget(self) -> None:
        """Let the next call read again: what was read before this call is not returned any more."""
        with self._lock:
            self._known = None
