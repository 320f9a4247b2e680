"""When a failed attempt is tried again. Pure: the clock that waits is the database's."""

import random
from dataclasses import dataclass
from enum import StrEnum

_MOST_DOUBLINGS = 1_000
"""Python cannot compute 2.0 ** 1024: OverflowError. What is multiplied by less becomes infinite at most."""


def backoff(base: float, failures: int, longest: float) -> float:
    """Seconds to wait after so many failures in a row: `base` after the first, then twice as many each time, up to
    `longest`. Any number of failures is good.
    """
    return min(longest, base * 2.0 ** min(max(failures - 1, 0), _MOST_DOUBLINGS))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When what failed is tried again: after a random time below a bound that doubles with each failure.

    Failures are those of the route's function, of its template, and of a request that is known not to have been
    accepted. What waits for the provider (its rate, a blocked account, a network that is down) counts as none.
    """

    attempts: int = 12
    """The failure with which a delivery is given up: its status is `failed` then."""
    base: float = 1.0
    """The bound after the first failure, in seconds."""
    cap: float = 300.0
    """The largest bound, in seconds."""
    max_age: float | None = None
    """Seconds since the event after which a failure is the last one. None: however old it is."""

    def exhausted(self, failures: int, age: float = 0.0) -> bool:
        """Whether a delivery with so many failures, `age` seconds after its event, has had its last attempt."""
        return failures >= self.attempts or (self.max_age is not None and age >= self.max_age)

    def bound(self, failures: int) -> float:
        """The longest wait after the given number of failures, in seconds."""
        return backoff(self.base, failures, self.cap)

    def delay(self, failures: int, rng: random.Random | None = None) -> float:
        """Seconds to wait after the given number of failures: uniform between 0 and the exponential bound."""
        return (rng or random).uniform(0.0, self.bound(failures))


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
