"""The channels that have rows in Postgres which wait for room in the broker."""

import threading
from collections.abc import Collection, Iterable


class BackloggedChannels:
    """The backlogged channels, shared by the intake and the relay of one bridge. Thread-safe.

    Rows of these channels are published by the relay only, the oldest first. The relay also publishes rows that other
    bridges recorded and did not publish.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: frozenset[str] = frozenset()

    @property
    def channels(self) -> frozenset[str]:
        return self._channels

    def add(self, channels: Iterable[str]) -> None:
        """Have the rows of these channels published by the relay only from now on."""
        with self._lock:
            self._channels = self._channels.union(channels)

    def update_after_pass(self, known: Collection[str], waiting: Collection[str]) -> None:
        """After a pass of the relay: remove the channels that were `known` before it, add those that still have rows
        `waiting`. Channels that the intake added during the pass are kept.
        """
        with self._lock:
            self._channels = (self._channels - frozenset(known)).union(waiting)
