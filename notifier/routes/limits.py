"""Limits: how many messages one recipient gets of a route, or of several routes, in a time."""

from dataclasses import dataclass
from datetime import timedelta

from notifier.errors import RoutesError
from notifier.routes.wording import duration_in_words
from notifier.text import encodes

MOST = 1_000
"""The largest limit: the places of a recipient are one row of the database."""
LONGEST = timedelta(days=366)

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` messages to one recipient in any time of the length `per`.

        Limit(3, per=timedelta(days=1))  # of this route
        Limit(3, per=timedelta(days=1), by="recipient")  # of all routes that are limited by recipient
        Limit(3, per=timedelta(days=1), group="marketing")  # of all routes of this group
        Limit(1, per=timedelta(hours=1), then="wait")

    Routes that count together need the same `most` and `per`: `then` may differ. See docs/limits.md.

    Raise RoutesError for an invalid value.
    """

    most: int
    """How many, from 1 to 1,000."""
    per: timedelta
    """The length of the window, up to 366 days. It slides: the count is that of the time before each attempt."""
    by: str = "route"
    """`route`: messages of this route are counted. `recipient`: of all routes that say so. Not used with `group`."""
    group: str = ""
    """A name: messages of all routes with this name are counted together."""
    then: str = "skip"
    """What becomes of a notification beyond the limit: `skip` ends it `skipped`; `wait` lets it wait until a place is
    free, as if the route had returned `Later`."""

    def __post_init__(self) -> None:
        if isinstance(self.most, bool) or not isinstance(self.most, int) or not 1 <= self.most <= MOST:
            raise RoutesError(f"Limit({self.most!r}, ...) is not a number of messages from 1 to {MOST:,}")
        if not isinstance(self.per, timedelta) or not timedelta(0) < self.per <= LONGEST:
            raise RoutesError(
                f"per={self.per!r} of a Limit is not a timedelta above 0, and of {LONGEST.days} days at most"
            )
        if self.by not in ("route", "recipient"):
            raise RoutesError(f"by={self.by!r} of a Limit is neither 'route' nor 'recipient'")
        if self.then not in ("skip", "wait"):
            raise RoutesError(f"then={self.then!r} of a Limit is neither 'skip' nor 'wait'")
        if not isinstance(self.group, str) or "\0" in self.group or not encodes(self.group):
            raise RoutesError(f"group={self.group!r} of a Limit is not text without NUL")
        if len(self.group) > _LONGEST_NAME:
            raise RoutesError(f"group={self.group[:60]!r} of a Limit has more than {_LONGEST_NAME} characters")

    @property
    def waits(self) -> bool:
        return self.then == "wait"

    def scope(self, route: str) -> str:
        """Return the name of what is counted together, for a route of this name."""
        if self.group:
            return f"group {self.group}"
        return "all routes limited by recipient" if self.by == "recipient" else f"route {route}"

    def __str__(self) -> str:
        """Return the numbers, as `3 messages in 1 day`."""
        return f"{self.most} message{'' if self.most == 1 else 's'} in {duration_in_words(self.per.total_seconds())}"


def check_shared(limits: dict[str, Limit], scope: str, limit: Limit, where: str) -> None:
    """Note the limit of a scope. Raise RoutesError if another route gives the scope another number or time."""
    known = limits.setdefault(scope, limit)
    if (known.most, known.per) != (limit.most, limit.per):
        raise RoutesError(
            f"{where}: {scope} has two limits, {known} and {limit}: routes that count together need the same; name "
            "one Limit, and use it in all of them"
        )
