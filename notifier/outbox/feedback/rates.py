"""Bounces and complaints of the last day. A channel is paused before the provider would do it, for good."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, text

from notifier.outbox.delivery.channels import pause
from notifier.outbox.tables import FEEDBACK_COUNTS
from notifier.settings import default

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Shares of the messages whose end is known. SES reviews an account at 5 % bounces and 0.1 % complaints.

    Fewer than `least` messages prove nothing.
    """

    bounces: float = default("bounce_rate_limit")
    complaints: float = default("complaint_rate_limit")
    least: int = 1_000


_MORE = ", ".join(f"{name} = h.{name} + excluded.{name}" for name in FEEDBACK_COUNTS)

_COUNT = text(f"""
INSERT INTO feedback_hours AS h (channel, hour, {", ".join(FEEDBACK_COUNTS)})
VALUES (:channel, date_trunc('hour', now()), {", ".join(f":{name}" for name in FEEDBACK_COUNTS)})
ON CONFLICT (channel, hour) DO UPDATE SET {_MORE}
""")  # noqa: S608  constants of the tables

_LAST_DAY = text("""
SELECT coalesce(sum(deliveries + bounces), 0), coalesce(sum(hard_bounces), 0), coalesce(sum(complaints), 0)
FROM feedback_hours h LEFT JOIN channels c USING (channel)
WHERE channel = :channel AND hour > now() - interval '24 hours'
  AND (c.rates_since IS NULL OR hour > c.rates_since)
""")


def count(connection: Connection, channel: str, counts: Mapping[str, int]) -> None:
    """Add what a batch of feedback brought to the hour's counters."""
    connection.execute(_COUNT, {"channel": channel, **counts})


def trip(connection: Connection, channel: str, limits: RateLimits) -> None:
    """Pause the channel where its rates are above the limits. Only the operator resumes it."""
    total, bounces, complaints = (int(n) for n in connection.execute(_LAST_DAY, {"channel": channel}).one())
    reason = too_high(total, bounces, complaints, limits)
    if reason and pause(connection, channel, reason, "feedback"):
        log.critical("ALARM: channel paused", channel=channel, reason=reason)


def too_high(total: int, bounces: int, complaints: int, limits: RateLimits) -> str | None:
    """Why these rates would bring the account under review; None where they would not."""
    if total < limits.least:
        return None
    for name, found, limit in (
        ("hard bounces", bounces, limits.bounces),
        ("complaints", complaints, limits.complaints),
    ):
        if found / total >= limit:
            return f"{found / total:.2%} {name} in 24 hours, {found:,} of {total:,}; the limit is {limit:.2%}"
    return None
