"""Whether SES is asked in bulk or one by one: the decision behind `NOTIFIER_SES_MODE=auto`. It is told the time.

AWS documents one rate for an account, in recipients, and another of one request a second for "all actions except
SendEmail", and does not say whether SendBulkEmail is meant. So bulk calls are tried, and SES's answers decide.
"""

import threading
from collections import deque

STRIKES = 3
STRIKES_WITHIN = 10.0
"""Seconds. One refusal says little: other processes send on the same account."""
REST_SECONDS = 300.0
"""How long mails then go one by one, before bulk calls are tried again."""


class Auto:
    """In bulk, until SES throttles bulk calls although the account's rate is not used up; then singly for a while.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._single_until = float("-inf")
        self._strikes: deque[float] = deque(maxlen=STRIKES)
        self._accepted: deque[tuple[float, int]] = deque()

    def bulk(self, now: float) -> bool:
        """Whether the next mails go in bulk."""
        return now >= self._single_until

    def accepted(self, now: float, recipients: int) -> None:
        """SES took mails to so many recipients."""
        with self._lock:
            self._accepted.append((now, recipients))
            self._used(now)

    def throttled(self, now: float, recipients: int, rate: float | None) -> None:
        """SES refused a whole bulk call as too fast. `rate` is the account's in recipients a second, if known."""
        with self._lock:
            # An account with a rate of less than two such calls loses nothing by single ones: no need to ask why.
            if rate is not None and rate >= 2 * recipients and self._used(now) + recipients > rate:
                return
            self._strikes.append(now)
            if len(self._strikes) == STRIKES and now - self._strikes[0] <= STRIKES_WITHIN:
                self._strikes.clear()
                self._single_until = now + REST_SECONDS

    def _used(self, now: float) -> int:
        """Recipients of the last second. Forgets those before."""
        while self._accepted and now - self._accepted[0][0] >= 1.0:
            self._accepted.popleft()
        return sum(count for _, count in self._accepted)
