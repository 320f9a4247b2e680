"""A limit on how often something may be done, counted by a key."""

import threading
import time
from collections import deque
from collections.abc import Callable

_MOST_KEYS = 20_000


class CallLimit:
    """At most `most` calls for one key within `seconds`. Thread-safe.

    It keeps the 20,000 keys that were used last.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """Count a call, and return 0. If it is one too many, return the seconds until the next may come."""
        now = self._clock()
        with self._lock:
            times = self._times.pop(key, None) or deque()
            self._times[key] = times  # the key that was used least recently is first
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return times[0] + self._seconds - now
            times.append(now)
            while len(self._times) > _MOST_KEYS:
                del self._times[next(iter(self._times))]
            return 0.0
