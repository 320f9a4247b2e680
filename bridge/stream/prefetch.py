"""Fetches the next pages of shards while the pages before them are recorded.

Only a few at a time: a page has up to 1 MB, and as much again while its records are recorded; one that could not be
cut into its records takes ten times as much memory.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from notifier.process.memory_budget import MemoryBudget

T = TypeVar("T")

ROOM_BYTES = 8_000_000
"""Of pages as they came over the wire."""


class Prefetched(Generic[T]):
    """A result that is being fetched. It occupies one of the prefetcher's places until `take` or `abandon`."""

    def __init__(self, future: "Future[T]", places: threading.Semaphore) -> None:
        self._future = future
        self._places = places

    def take(self) -> T:
        """Wait for the result and return it. Raise what the fetch raised. To be called once."""
        try:
            return self._future.result()
        finally:
            self._places.release()

    def abandon(self) -> None:
        """Drop the result when it comes, and free the place then. Waits for nothing and raises nothing."""
        self._future.add_done_callback(lambda _: self._places.release())


class Prefetcher:
    """Fetches up to `most` results that are not taken yet, in threads of its own. Shared by all readers."""

    def __init__(self, most: int) -> None:
        self.room = MemoryBudget(ROOM_BYTES)
        """Memory for the pages that are read and not recorded yet, as the bytes that came."""
        self._places = threading.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="prefetch")

    def start(self, fetch: Callable[[], T]) -> Prefetched[T] | None:
        """Begin to fetch; None if all places are occupied or no thread can be started."""
        if not self._places.acquire(blocking=False):
            return None
        try:
            return Prefetched(self._threads.submit(fetch), self._places)
        except RuntimeError:
            self._places.release()
            return None

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
