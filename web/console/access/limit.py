"""A limit on logins that fail, so that passwords cannot be guessed."""

import threading
import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 15 * 60
_MOST_OF_NAME = 10
_MOST_OF_ADDRESS = 50
_MOST_KEYS = 20_000


class LoginLimit:
    """Failed logins of the last 15 minutes: at most 10 for one name, and 50 from one address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], deque[float]] = {}

    def wait(self, name: str, address: str) -> float:
        """Return the seconds until this name may try again from this address; 0 if now."""
        with self._lock:
            return max(self._wait(("name", name), _MOST_OF_NAME), self._wait(("address", address), _MOST_OF_ADDRESS))

    def failed(self, name: str, address: str) -> None:
        """Count a failed login."""
        with self._lock:
            for key in (("name", name), ("address", address)):
                self._failures.setdefault(key, deque(maxlen=_MOST_OF_ADDRESS)).append(self._clock())
                self._failures[key] = self._failures.pop(key)  # the one that failed least recently is first
            while len(self._failures) > _MOST_KEYS:
                del self._failures[next(iter(self._failures))]

    def worked(self, name: str) -> None:
        """Delete the failures of a name after a login with the right password."""
        with self._lock:
            self._failures.pop(("name", name), None)

    def _wait(self, key: tuple[str, str], most: int) -> float:
        times = self._failures.get(key, deque())
        since = self._clock() - _WINDOW_SECONDS
        while times and times[0] <= since:
            times.popleft()
        return times[-most] - since if len(times) >= most else 0.0
