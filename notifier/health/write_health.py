"""Whether the writes of a process to the database succeed."""

import threading
import time
from collections.abc import Callable

from notifier.health.beats import STALE_SECONDS


class WriteHealth:
    """Whether a process can write to the database. Its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failed_at = 0.0
        self._reason = ""

    def failed(self, reason: str) -> None:
        """Note that a write failed because of the database; `reason` in one line."""
        with self._lock:
            now = self._clock()
            if self._since is None or now - self._failed_at > STALE_SECONDS:
                self._since = now
            self._failed_at, self._reason = now, reason

    def worked(self) -> None:
        """Note that a write succeeded."""
        self._since = None

    def trouble(self) -> str:
        """Return one line if every write of the last 30 seconds or more has failed, else an empty text.

        A failure that was not followed by another one within 30 seconds does not count.
        """
        with self._lock:
            since, now = self._since, self._clock()
            if since is None or now - self._failed_at > STALE_SECONDS or now - since < STALE_SECONDS:
                return ""
            return f"nothing could be recorded for {now - since:.0f} s: {self._reason}"
