"""Fetches next pages while their predecessors are recorded. A few at a time: each has up to a megabyte, and what is
read from it ten times as much, so only so many bytes are read at once.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from notifier.process.memory_budget import MemoryBudget

T = TypeVar("T")

ROOM_BYTES = 8_000_000
"""Of pages as they came over the wire."""


class Fetched(Generic[T]):
    """A result on its way. It holds its place until it is taken."""

    def __init__(self, future: "Future[T]", places: threading.Semaphore) -> None:
        self._future = future
        self._places = places

    def take(self) -> T:
        """Wait for the result. Raises what the fetch raised. Once only."""
        try:
            return self._future.result()
        finally:
            self._places.release()

    def abandon(self) -> None:
        """Nobody will take it: the place is free when it has come. Waits for nothing and raises nothing."""
        self._future.add_done_callback(lambda _: self._places.release())


class ReadAhead:
    """Room for `most` results that nobody has taken yet."""

    def __init__(self, most: int) -> None:
        self.room = MemoryBudget(ROOM_BYTES)
        """For the pages that are read and not yet recorded."""
        self._places = threading.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="ahead")

    def start(self, fetch: Callable[[], T]) -> Fetched[T] | None:
        """Begin to fetch; None where there is no room."""
        if not self._places.acquire(blocking=False):
            return None
        return Fetched(self._threads.submit(fetch), self._places)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
