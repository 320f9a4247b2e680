"""Bounces and complaints of the last 24 hours: a channel is paused before the provider suspends the account."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine

from notifier.outbox.delivery.channels import pause
from notifier.outbox.statements import statement
from notifier.settings import default

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The limits, as shares of the messages whose result is known: hard bounces, and complaints.

    SES puts an account under review at 5 % bounces or 0.1 % complaints. With fewer than `least` messages nothing is
    paused.
    """

    bounces: float = default("bounce_rate_limit")
    complaints: float = default("complaint_rate_limit")
    least: int = 1_000


_ADD = statement(__package__, "add_feedback_counts.sql")
_LAST_DAY = statement(__package__, "read_last_day.sql")
_LAST_DAYS = statement(__package__, "read_last_days.sql")


@dataclass(frozen=True, slots=True)
class LastDay:
    """Of a channel's last 24 hours, since an operator last resumed it: messages whose result is known, hard bounces
    and complaints.
    """

    channel: str
    results: int
    hard_bounces: int
    complaints: int

    @property
    def bounce_rate(self) -> float:
        return self.hard_bounces / self.results if self.results else 0.0

    @property
    def complaint_rate(self) -> float:
        return self.complaints / self.results if self.results else 0.0


def last_days(engine: Engine) -> dict[str, LastDay]:
    """Return the last 24 hours of each channel that had events in them."""
    with engine.connect() as connection:
        return {row[0]: LastDay(*row) for row in connection.execute(_LAST_DAYS)}


def add_counts(connection: Connection, channel: str, counts: Mapping[str, int]) -> None:
    """Add the events of a batch to the counters of this hour, or of its part since the channel was resumed.

    `counts` has one value for each name in FEEDBACK_COUNTS.
    """
    connection.execute(_ADD, {"channel": channel, **counts})


def pause_above_limits(connection: Connection, channel: str, limits: RateLimits) -> None:
    """Pause the channel if its rates reach the limits. Only an operator resumes it."""
    total, bounces, complaints = (int(n) for n in connection.execute(_LAST_DAY, {"channel": channel}).one())
    reason = above_limits(total, bounces, complaints, limits)
    if reason and pause(connection, channel, reason, "feedback"):
        log.critical("ALARM: channel paused", channel=channel, reason=reason)


def above_limits(total: int, bounces: int, complaints: int, limits: RateLimits) -> str | None:
    """Return which rate reaches its limit, as the reason of the pause; None if none does."""
    if total < limits.least:
        return None
    for name, found, limit in (
        ("hard bounces", bounces, limits.bounces),
        ("complaints", complaints, limits.complaints),
    ):
        if found / total >= limit:
            return f"{found / total:.2%} {name} in 24 hours, {found:,} of {total:,}; the limit is {limit:.2%}"
    return None
