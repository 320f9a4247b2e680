"""`Later`: what a route returns to be called again at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=3660)
"""How long a route may wait: ten years. More is a mistake in a computation."""
OVER = timedelta(minutes=1)
"""How far in the past a time may be. Without it, a route that returns a fixed time would be called again for ever."""


@dataclass(frozen=True, slots=True)
class Later:
    """Send nothing now: call the route's function again at `until`. A route on any channel may return it.

        return Later(timedelta(hours=2), reason="the order may still be cancelled")
        return Later(datetime(2027, 1, 4, 9, tzinfo=ZoneInfo("Europe/Lisbon")))

    The row waits in the database, whose clock decides. Then the function runs as if for the first time: it may return
    a message, None, or another `Later`. None of this counts as a failed attempt. With `expires_after`, the
    notification expires when that time is over, also while it waits.

    Raise TypeError or ValueError for an invalid time: the delivery fails as if the function had raised.
    """

    until: datetime | timedelta
    """The time, with a time zone; or how long from now. Up to a minute in the past means in one second; a time
    further in the past is an error, which counts as a failed attempt.
    """
    reason: str = ""
    """Why it waits, for operators: one line without personal data. It is shown in `notifier list` and the console."""

    def __post_init__(self) -> None:
        if not isinstance(self.until, datetime | timedelta):
            raise TypeError(f"Later waits until a datetime or for a timedelta, not {type(self.until).__name__}")
        if isinstance(self.until, datetime) and self.until.utcoffset() is None:
            raise ValueError("Later needs a datetime with a time zone, as datetime.now(UTC)")
        if not isinstance(self.reason, str):
            raise TypeError(f"the reason of a Later is text, not {type(self.reason).__name__}")

    def moment(self, now: datetime) -> datetime:
        """Return `until` in UTC; `now` is the time in UTC from which a timedelta counts.

        Raise ValueError if it is more than ten years away, or has been over for more than a minute.
        """
        try:
            until = now + self.until if isinstance(self.until, timedelta) else self.until.astimezone(UTC)
        except OverflowError:
            until = None
        if until is None or until - now > LONGEST:
            raise ValueError(f"Later waits for {LONGEST.days:,} days at most")
        if now - until > OVER:
            raise ValueError(
                f"the time of Later, {until:%Y-%m-%d %H:%M:%S} UTC, is over: return the message, or None, once it is"
            )
        return until
