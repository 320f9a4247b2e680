"""The channels that have rows in Postgres which wait for room in the broker."""

import threading
from collections.abc import Collection, Iterable


class BackloggedChannels:
    """The backlogged channels that the intake and the relay of one bridge know of. Thread-safe.

    Rows of these channels are published by the relay only, the oldest first. The relay finds in the database what
    other bridges left there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: frozenset[str] = frozenset()

    @property
    def channels(self) -> frozenset[str]:
        return self._channels

    def add(self, channels: Iterable[str]) -> None:
        """Leave these channels to the relay from now on."""
        with self._lock:
            self._channels = self._channels.union(channels)

    def update_after_pass(self, known: Collection[str], waiting: Collection[str]) -> None:
        """After a pass of the relay: remove the channels that were `known` before it, add those that still have rows
        `waiting`. What the intake added during the pass stays.
        """
        with self._lock:
            self._channels = (self._channels - frozenset(known)).union(waiting)
