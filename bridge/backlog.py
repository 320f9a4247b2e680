"""Channels whose rows wait in Postgres for room in the broker. There only the relay publishes, the oldest first."""

import threading
from collections.abc import Collection, Iterable


class Behind:
    """What the intake and the relay of one bridge know of it. Other bridges learn it from the rows themselves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: frozenset[str] = frozenset()

    @property
    def channels(self) -> frozenset[str]:
        return self._channels

    def add(self, channels: Iterable[str]) -> None:
        """Leave these to the relay from now on."""
        with self._lock:
            self._channels = self._channels.union(channels)

    def settle(self, known: Collection[str], waiting: Collection[str]) -> None:
        """After a pass of the relay: rows of the `waiting` channels are left. Of those that were `known` before the
        pass the others are done; what came up during the pass stays.
        """
        with self._lock:
            self._channels = (self._channels - frozenset(known)).union(waiting)
