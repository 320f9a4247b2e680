"""The routes of the chaos run. They give up on nothing: what is lost in a run must be lost by us."""

from datetime import timedelta

from notifier import Digest, Email, Event, Later, Limit, RetryPolicy, Sms, route
from notifier.timing.current import current_time
from tests.chaos.load import COLLECTED, ELSEWHERE, FIRST_AT_ONCE, HIGH, LATER, LIMITED, LOW, SOLD, beside, collector

_RETRY = RetryPolicy(attempts=1_000, base=0.2, cap=2.0)
_WAIT = timedelta(seconds=2)


def _mail(event: Event, to: str | None = None) -> Email:
    item = event.new or {}
    recipient = to or item["pk"]
    return Email(to=recipient, template="told", context={"number": item["number"], "to": recipient})


def _digest(events: list[Event]) -> Email:
    """The subject names each event, so that SES's journal says what was in the mail."""
    items = [event.new or {} for event in events]
    numbers = " ".join(str(item["number"]) for item in items)
    return Email(to=collector(items[0]), template="collected", context={"numbers": numbers})


@route(table="activity", channel="email", match={"kind": [LATER]}, retry=_RETRY, on_unknown="resend")
def waits(event: Event) -> Email | Later:
    if current_time() - event.created_at < _WAIT:
        return Later(_WAIT, reason="too early")
    return _mail(event)


@route(table="activity", channel="email", match={"kind": [HIGH]}, retry=_RETRY, on_unknown="resend", lane="high")
def urgent(event: Event) -> Email:
    return _mail(event)


@route(table="activity", channel="email", match={"kind": [LOW]}, retry=_RETRY, on_unknown="resend", lane="low")
def campaign(event: Event) -> Email:
    return _mail(event)


@route(
    table="activity",
    channel="email",
    match={"kind": [LIMITED]},
    retry=_RETRY,
    on_unknown="resend",
    at_most=Limit(1, per=timedelta(days=1)),
)
def limited(event: Event) -> Email:
    return _mail(event)


@route(table="activity", channel=["sms", "email"], match={"kind": [ELSEWHERE]}, retry=_RETRY, on_unknown="resend")
def elsewhere(event: Event, channel: str) -> Email | Sms | None:
    return _mail(event) if channel == "email" else None


@route(table="activity", channel="email", match={"kind": [SOLD]}, retry=_RETRY, on_unknown="resend", exclusive=False)
def seller(event: Event) -> Email:
    return _mail(event, beside((event.new or {})["pk"]))


@route(
    table="activity",
    channel="email",
    match={"kind": [COLLECTED]},
    retry=_RETRY,
    on_unknown="resend",
    digest=Digest(by="collector", window=_WAIT, at_most=6),
)
def collects(events: list[Event]) -> Email:
    return _digest(events)


@route(
    table="activity",
    channel="email",
    match={"kind": [FIRST_AT_ONCE]},
    retry=_RETRY,
    on_unknown="resend",
    digest=Digest(by="collector", window=_WAIT, at_most=6, first_at_once=True),
)
def collects_what_follows(events: list[Event]) -> Email:
    return _digest(events)


@route(table="activity", channel="email", retry=_RETRY, on_unknown="resend")
def told(event: Event) -> Email:
    return _mail(event)
