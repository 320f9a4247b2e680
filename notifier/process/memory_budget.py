"""A limit on the memory that large objects take, shared by all threads of a process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.errors import NotifierError

_STEP_SECONDS = 0.25


class WaitAborted(NotifierError):
    """The caller ended its wait for memory before there was enough."""


def _always() -> bool:
    return True


class MemoryBudget:
    """`size` bytes for all threads together.

    A reservation that is larger than the whole budget is granted when nothing else is reserved, so that it does not
    wait for ever.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int, goes_on: Callable[[], bool] = _always) -> Iterator[None]:
        """Wait until `size` bytes are free, and hold them for the block.

        `goes_on` is called every quarter of a second during the wait. Raise WaitAborted once it returns False.
        """
        self.take(size, goes_on)
        try:
            yield
        finally:
            self.give_back(size)

    def take(self, size: int, goes_on: Callable[[], bool] = _always) -> None:
        """Wait as `reserve` does, and hold the bytes until `give_back`."""
        with self._changed:
            while self._used and self._used + size > self.size:
                if not goes_on():
                    raise WaitAborted
                self._changed.wait(_STEP_SECONDS)
            self._used += size

    def give_back(self, size: int) -> None:
        with self._changed:
            self._used -= size
            self._changed.notify_all()
