"""The sending rate of SES, counted in recipients."""

import time
from collections.abc import Callable


class Bucket:
    """A token bucket whose tokens may become negative, as in SES: at 1/s, a mail to 5 blocks the next for 5 s.

    `rate` is recipients per second, None for no limit; `burst` is recipients at once, by default those of a second.
    """

    def __init__(
        self, rate: float | None, burst: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self._capacity = burst or max(rate or 1.0, 1.0)
        self._clock = clock
        self.refill()

    def refill(self) -> None:
        self._tokens = self._capacity
        self._at = self._clock()

    def take(self, recipients: int) -> bool:
        """Take a token for each recipient; False, and none is taken, if less than one is left."""
        if self.rate is None:
            return True
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= recipients
        return True
