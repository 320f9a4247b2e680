"""When a failed attempt is tried again. Pure: the outbox stores the time, by the database's clock."""

import random
from dataclasses import dataclass
from enum import StrEnum

_MOST_DOUBLINGS = 1_000
"""2.0 ** 1024 raises OverflowError in Python."""


def backoff(base: float, failures: int, longest: float) -> float:
    """Return the seconds to wait after `failures` failures in a row: `base` after the first, then twice as many each
    time, at most `longest`.
    """
    return min(longest, base * 2.0 ** min(max(failures - 1, 0), _MOST_DOUBLINGS))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again: after a random time below a bound that doubles with each failure.

    Errors of the route's function and of its template count as failures, and requests that are known not to have been
    accepted. Waiting for the provider (its rate, a blocked account, a network that is down) does not.

    Example: `RetryPolicy(attempts=5, cap=60.0)` gives up after five failures, and waits a minute at most.
    """

    attempts: int = 12
    """After this many failures the delivery is given up: its status becomes `failed`."""
    base: float = 1.0
    """The bound of the wait after the first failure, in seconds."""
    cap: float = 300.0
    """The largest bound, in seconds."""
    max_age: float | None = None
    """Seconds since the event after which the next failure is the last. None: the age of the event does not count."""

    def exhausted(self, failures: int, age: float = 0.0) -> bool:
        """Return whether a delivery with this many failures, `age` seconds after its event, is given up."""
        return failures >= self.attempts or (self.max_age is not None and age >= self.max_age)

    def bound(self, failures: int) -> float:
        """Return the longest wait after the given number of failures, in seconds."""
        return backoff(self.base, failures, self.cap)

    def delay(self, failures: int, rng: random.Random | None = None) -> float:
        """Return the seconds to wait after the given number of failures: uniform between 0 and `bound(failures)`."""
        return (rng or random).uniform(0.0, self.bound(failures))


class OnUnknown(StrEnum):
    """What happens to an attempt whose answer was lost, if no event of the provider shows that it was accepted."""

    RESEND = "resend"
    """Send again: the recipient may get it twice."""
    HOLD = "hold"
    """Leave it as it is until the operator decides."""
    DROP = "drop"
    """Give up: the recipient may get nothing."""


WAIT_WHEN_THROTTLED = RetryPolicy(base=2.0, cap=30.0)
WAIT_WHEN_OFFLINE = RetryPolicy(base=2.0, cap=15.0)  # short: while offline a worker tries one request at a time
WAIT_WHEN_BLOCKED = RetryPolicy(base=30.0, cap=60.0)
