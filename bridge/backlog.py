"""The queues that have rows in Postgres which wait for room in the broker."""

import threading
from collections.abc import Collection, Iterable


class BackloggedQueues:
    """The backlogged queues, shared by the intake and the relay of one bridge. Thread-safe.

    Rows of these queues are published by the relay only, the oldest first. The relay also publishes rows that other
    bridges recorded and did not publish.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: frozenset[str] = frozenset()

    @property
    def queues(self) -> frozenset[str]:
        return self._queues

    def add(self, queues: Iterable[str]) -> None:
        """Have the rows of these queues published by the relay only from now on."""
        with self._lock:
            self._queues = self._queues.union(queues)

    def update_after_pass(self, known: Collection[str], waiting: Collection[str]) -> None:
        """After a pass of the relay: remove the queues that were `known` before it, add those that still have rows
        `waiting`. Queues that the intake added during the pass are kept.
        """
        with self._lock:
            self._queues = (self._queues - frozenset(known)).union(waiting)
