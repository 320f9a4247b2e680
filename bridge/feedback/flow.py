"""Up to when every event that reached the queue is known to be settled.

A queue that is busy is never found empty, and one that is found empty may have messages in other hands. So this looks
at what comes: while for longer than a message can be in anybody's hands each one was fresh and came for the first
time, none of before is left.
"""

import threading
import time
from collections.abc import Callable, Iterable

from bridge.feedback.queue import QueueMessage

_TELL_SECONDS = 5.0
_FRESH_PART = 12
_CLOCK_SECONDS = 1.0  # SQS's clock tells whole ones


class Flow:
    """Shared by the receivers of a process. `visibility`: how many seconds a message may be in anybody's hands."""

    def __init__(self, visibility: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._fresh = max(2.0, visibility / _FRESH_PART)
        self._window = visibility + self._fresh + _CLOCK_SECONDS
        self._clock = clock
        self._lock = threading.Lock()
        self._smooth_since = clock()
        self._told_at = float("-inf")

    def came(self, messages: Iterable[QueueMessage]) -> None:
        """What the queue gave."""
        if any(each.age > self._fresh or each.receives > 1 for each in messages):
            self.troubled()

    def troubled(self) -> None:
        """The queue did not answer, or a message stays in it for now."""
        with self._lock:
            self._smooth_since = self._clock()

    def settled_until(self) -> float | None:
        """How many seconds ago that was; to be asked when what came is settled. None: not known, or told just now."""
        with self._lock:
            now = self._clock()
            if now - self._smooth_since < self._window or now - self._told_at < _TELL_SECONDS:
                return None
            self._told_at = now
            return self._window
