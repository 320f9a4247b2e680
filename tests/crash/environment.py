"""What a process of the crash matrix runs in: servers, routes, faults of SES, and a way to move time on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Engine, text

from notifier import Digest, Email, Event, Later, Limit, RetryPolicy, Sms, route
from notifier.retry import OnUnknown
from notifier.settings import Settings

UNKNOWN_AFTER = 0.2
_RETRY = RetryPolicy(attempts=50, base=0.05)

PROVIDER_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "unsure": {"kind": "cut_before_accept"},
    "torn": {"kind": "accept_then_cut"},
    "held": {"kind": "cut_before_accept"},
    "rejected": {"kind": "refuse", "code": "MessageRejected", "status": 400},
    "blocked": {"kind": "refuse", "code": "SendingPausedException", "status": 400},
    "throttled": {"kind": "throttle"},
}
"""The fault that SES has once for the mail of each kind of event."""

ELSEWHERE = "elsewhere"
"""Its route tries the channel `sms` first, which refuses everything, and email then."""

WAITED = "waited"
"""Its route waits once in each process: it is called again at the time that it said."""

SOLD = "sold"
"""It is for two routes: its buyer gets a mail of the owner, and its seller one of the route beside it."""
OFFERED = "offered"
"""Only the route beside an owner claims it."""

LIMITED = "limited"
"""Two events for one recipient, whose route sends one message to each: the other one is skipped."""

MAILED = ("told", WAITED, ELSEWHERE, SOLD, LIMITED, LIMITED, *PROVIDER_FAULTS)
UNMAILED = ("quiet", "moot", "shadowed")
UNROUTED = "other"
COLLECTED = "collected"
"""Its route has a digest: one mail to COLLECTOR names all that it is about, in its subject."""
COLLECTOR = "collector@example.com"
LATE = "late"
"""Its route is deployed after its records were read: a rewind notifies about them."""

_ADVANCE_AN_HOUR = (
    "UPDATE claims SET lease_until = now() - interval '1 s'",
    "UPDATE shards SET lease_until = now() - interval '1 s' WHERE owner IS NOT NULL",
    "UPDATE publications SET due_at = now()",
    "UPDATE deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL",
    (
        "UPDATE deliveries SET begun_at = begun_at - interval '1 h', ended_at = ended_at - interval '1 h' "
        "WHERE status = 'unknown'"
    ),
    # An hour without feedback is no proof: what was drained was so an hour ago.
    (
        "UPDATE channel_events SET drained_at = drained_at - interval '1 h', "
        "events_sent_until = events_sent_until - interval '1 h'"
    ),
    "UPDATE due SET due_at = now()",
    "UPDATE status_updates SET due_at = now()",
    "UPDATE suspects SET lease_until = now() WHERE begun_by IS NOT NULL",
)


@route(
    table="activity",
    channel="email",
    match={"kind": [*(each for each in MAILED if each not in ("held", WAITED, ELSEWHERE, LIMITED)), "quiet"]},
    retry=_RETRY,
    status_updates="all",
)
def a_route(event: Event) -> Email | None:
    item = event.new or {}
    return None if item["kind"] == "quiet" else _mail(item)


@route(
    table="activity",
    channel="email",
    match={"kind": ["held"]},
    retry=_RETRY,
    status_updates="all",
    on_unknown=OnUnknown.HOLD,
)
def a_careful_route(event: Event) -> Email | None:
    return _mail(event.new or {})


@route(
    table="activity",
    channel="email",
    match={"kind": ["dropped"]},
    retry=_RETRY,
    status_updates="all",
    on_unknown=OnUnknown.DROP,
)
def a_hasty_route(event: Event) -> Email | None:
    return _mail(event.new or {})


@route(table="activity", channel="email", match={"kind": ["moot"]}, retry=_RETRY, status_updates="all")
def a_cancelled_route(_: Event) -> Email | None:
    """Its deliveries are cancelled by the operator; those that start before the cancel are skipped."""
    return None


@route(table="activity", channel="email", match={"kind": ["shadowed"]}, retry=_RETRY, shadow=True)
def a_shadowed_route(event: Event) -> Email | None:
    return _mail(event.new or {})


@route(table="activity", channel="email", match={"kind": [LATE]}, retry=_RETRY, status_updates="all")
def a_late_route(event: Event) -> Email | None:
    return _mail(event.new or {})


@route(table="activity", channel="email", match={"kind": [WAITED]}, retry=_RETRY, status_updates="all")
def a_waiting_route(event: Event) -> Email | Later | None:
    item = event.new or {}
    if item["pk"] in _WAITED_BEFORE:
        return _mail(item)
    _WAITED_BEFORE.add(item["pk"])
    return Later(timedelta(minutes=30), reason="not yet")


@route(
    table="activity",
    channel="email",
    match={"kind": [LIMITED]},
    retry=_RETRY,
    status_updates="all",
    at_most=Limit(1, per=timedelta(days=1)),
)
def a_limited_route(event: Event) -> Email | None:
    return _mail(event.new or {})


@route(
    table="activity",
    channel="email",
    match={"kind": [COLLECTED]},
    retry=_RETRY,
    status_updates="all",
    digest=Digest(by="kind", window=timedelta(minutes=30), at_most=5),
)
def a_collecting_route(events: list[Event]) -> Email | None:
    names = " ".join((each.new or {})["pk"] for each in events)
    return Email(to=COLLECTOR, template="collected", context={"name": names})


_WAITED_BEFORE: set[str] = set()


@route(table="activity", channel=["sms", "email"], match={"kind": [ELSEWHERE]}, retry=_RETRY, status_updates="all")
def a_fallback_route(event: Event, channel: str) -> Email | Sms | None:
    item = event.new or {}
    return _mail(item) if channel == "email" else Sms(to="+351912345678", text=item["pk"])


@route(
    table="activity",
    channel="email",
    match={"kind": [SOLD, OFFERED]},
    retry=_RETRY,
    status_updates="all",
    exclusive=False,
)
def a_route_beside(event: Event) -> Email | None:
    item = event.new or {}
    seller, copied = those_beside(item["pk"])
    return Email(to=seller, cc=copied, template="hello", context={"name": item["pk"]})


def those_beside(buyer: str) -> tuple[str, str]:
    """Return who gets the mail of the route beside the owner, and who a copy of it."""
    return f"seller-{buyer}", f"copied-{buyer}"


ROUTES_AT_FIRST = (
    a_route_beside,
    a_route,
    a_careful_route,
    a_hasty_route,
    a_cancelled_route,
    a_waiting_route,
    a_shadowed_route,
    a_fallback_route,
    a_limited_route,
    a_collecting_route,
)
ROUTES = (*ROUTES_AT_FIRST, a_late_route)


def _mail(item: Mapping[str, Any]) -> Email:
    return Email(to=item["pk"], template="hello", context={"name": item["pk"]})


@dataclass(frozen=True)
class Environment:
    """Addresses and files of one environment; `send_lease` is how many seconds an attempt may take."""

    database_url: str
    broker_url: str
    streams_url: str
    ses_url: str
    journal: str
    templates: str
    folder: str
    send_lease: float
    ses_mode: str = "auto"

    @property
    def told(self) -> Path:
        """The file of what the product accepted: the same for all processes."""
        return Path(self.templates).parent / "told.jsonl"

    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "database_url": self.database_url,
                "broker_url": self.broker_url,
                "aws_dynamodb_endpoint_url": self.streams_url,
                "aws_ses_endpoint_url": self.ses_url,
                "aws_region": "eu-west-1",
                "sender": "us@example.com",
                "send_lease_seconds": self.send_lease,
                "ses_mode": self.ses_mode,
            }
        )

    def make_publications_due(self, engine: Engine) -> None:
        """Make publications due, so that the relay looks at them; retries stay in the future."""
        with engine.begin() as connection:
            connection.execute(text("UPDATE publications SET due_at = now()"))

    def advance_an_hour(self, engine: Engine) -> None:
        """End all leases and all waits by changing their times, instead of waiting for minutes."""
        with engine.begin() as connection:
            for statement in _ADVANCE_AN_HOUR:
                connection.execute(text(statement))
        self.refill_rate()

    def refill_rate(self, _: float = 0.0) -> None:
        """Refill the channel's rate bucket."""
        with redis.Redis.from_url(self.broker_url) as client:
            client.delete("notifier:rate:email")
