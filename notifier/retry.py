"""When a failed attempt is tried again. Pure: the clock that waits is the database's."""

import random
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    `attempts` is how many failures a delivery may have before it is `failed`; `base` and `cap` are seconds, and so
    is `max_age`: what fails when its event is older than that is not tried again.
    """

    attempts: int = 12
    base: float = 1.0
    cap: float = 300.0
    max_age: float | None = None

    def exhausted(self, failures: int, age: float = 0.0) -> bool:
        """Whether a delivery with so many failures, `age` seconds after its event, has had its last attempt."""
        return failures >= self.attempts or (self.max_age is not None and age >= self.max_age)

    def delay(self, failures: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after the given number of failures: uniform between 0 and the exponential bound."""
        bound = min(self.cap, self.base * 2.0 ** max(failures - 1, 0))
        return (rng or random).uniform(0.0, bound)


class OnUnknown(StrEnum):
    """What a route wants of an attempt whose answer was lost, when the provider's events tell of no acceptance."""

    RESEND = "resend"
    """Send again: better twice than not at all."""
    HOLD = "hold"
    """Leave it to the operator."""
    DROP = "drop"
    """Give up: better not at all than twice."""


WAIT_WHEN_THROTTLED = RetryPolicy(base=2.0, cap=30.0)
WAIT_WHEN_OFFLINE = RetryPolicy(base=2.0, cap=15.0)  # a worker out of reach lets one at a time try: no crowd comes
WAIT_WHEN_BLOCKED = RetryPolicy(base=30.0, cap=60.0)
