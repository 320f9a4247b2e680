"""Bulk calls or single ones: the decision of `NOTIFIER_SES_MODE=auto`. Pure: times are parameters.

AWS documents one rate for an account, in recipients, and one request a second for "all actions except SendEmail". It
does not say whether that includes SendBulkEmail. So bulk calls are tried, and throttled ones switch to single calls.
"""

import threading
from collections import deque

STRIKES = 3
STRIKES_WITHIN = 10.0
"""This many throttled bulk calls within this many seconds switch to single calls. One is not enough evidence: other
processes send on the same account."""
REST_SECONDS = 300.0
"""Seconds of single calls, before bulk calls are tried again."""


class AutoMode:
    """Bulk, until SES throttles bulk calls although the account's rate is not used up; then single for REST_SECONDS.

    Thread-safe. All times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._single_until = float("-inf")
        self._strikes: deque[float] = deque(maxlen=STRIKES)
        self._accepted: deque[tuple[float, int]] = deque()

    def bulk(self, now: float) -> bool:
        """Return whether the next mails are sent by bulk calls."""
        return now >= self._single_until

    def accepted(self, now: float, recipients: int) -> None:
        """Note that SES accepted mails to so many recipients."""
        with self._lock:
            self._accepted.append((now, recipients))
            self._used(now)

    def throttled(self, now: float, recipients: int, rate: float | None) -> None:
        """Note that SES throttled a whole bulk call. `rate` is the account's, in recipients a second, if known."""
        with self._lock:
            # The account's rate explains it. At a rate of less than two such calls, single calls lose nothing.
            if rate is not None and rate >= 2 * recipients and self._used(now) + recipients > rate:
                return
            self._strikes.append(now)
            if len(self._strikes) == STRIKES and now - self._strikes[0] <= STRIKES_WITHIN:
                self._strikes.clear()
                self._single_until = now + REST_SECONDS

    def _used(self, now: float) -> int:
        """Return the recipients of the last second, and delete older counts."""
        while self._accepted and now - self._accepted[0][0] >= 1.0:
            self._accepted.popleft()
        return sum(count for _, count in self._accepted)
