"""When a failed attempt is tried again. Pure: the clock that waits is the database's."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    `attempts` is how many failures a delivery may have before it is `failed`; `base` and `cap` are seconds.
    """

    attempts: int = 12
    base: float = 1.0
    cap: float = 300.0

    def exhausted(self, failures: int) -> bool:
        return failures >= self.attempts

    def delay(self, failures: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after the given number of failures: uniform between 0 and the exponential bound."""
        bound = min(self.cap, self.base * 2.0 ** max(failures - 1, 0))
        return (rng or random).uniform(0.0, bound)


WAIT_WHEN_THROTTLED = RetryPolicy(base=2.0, cap=30.0)
WAIT_WHEN_BLOCKED = RetryPolicy(base=30.0, cap=60.0)
