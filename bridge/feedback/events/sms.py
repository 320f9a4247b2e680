"""Reads an event of an SMS, as AWS End User Messaging publishes it to a topic of SNS, as `Feedback`. Pure.

Our ids are in its `context`, which the request gave. Every event proves that the SMS was accepted. Carriers may take
72 hours for theirs; then the status is `UNKNOWN`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.feedback.events.fields import attempt_of, detail_of, is_storable, notification_of
from notifier.errors import DecodeError
from notifier.feedback import ATTEMPT_TAG, NOTIFICATION_TAG, Feedback, FeedbackKind
from notifier.sms import PHONE_NUMBER

CHANNEL = "sms"
PREFIX = "TEXT_"

_KINDS: Mapping[str, FeedbackKind] = {
    "TEXT_QUEUED": FeedbackKind.SEND,
    "TEXT_PENDING": FeedbackKind.SEND,
    "TEXT_SENT": FeedbackKind.SEND,
    "TEXT_SUCCESSFUL": FeedbackKind.DELIVERY,
    "TEXT_DELIVERED": FeedbackKind.DELIVERY,
    "TEXT_INVALID": FeedbackKind.BOUNCE,
    "TEXT_UNREACHABLE": FeedbackKind.BOUNCE,
    "TEXT_CARRIER_UNREACHABLE": FeedbackKind.BOUNCE,
    "TEXT_BLOCKED": FeedbackKind.BOUNCE,
    "TEXT_CARRIER_BLOCKED": FeedbackKind.BOUNCE,
    "TEXT_PROTECT_BLOCKED": FeedbackKind.BOUNCE,
    "TEXT_TTL_EXPIRED": FeedbackKind.BOUNCE,
    "TEXT_INVALID_MESSAGE": FeedbackKind.REJECT,
    "TEXT_SPAM": FeedbackKind.REJECT,
    "TEXT_UNKNOWN": FeedbackKind.OTHER,
}
_NEVER = frozenset(("TEXT_INVALID",))
"""The number is none, so it is suppressed."""


def sms_feedback_of(event: Mapping[str, Any]) -> list[Feedback]:
    """Return what one event of an SMS says. Raise DecodeError if it lacks what each has."""
    name, message_id = str(event.get("eventType")), event.get("messageId")
    if not is_storable(message_id):
        raise DecodeError("its SMS has no messageId")
    sent_at = _time(event.get("messageRequestTimestamp"))
    if sent_at is None:
        raise DecodeError("its SMS has no messageRequestTimestamp")
    context = event.get("context")
    tags = context if isinstance(context, dict) else {}
    number = event.get("destinationPhoneNumber")
    feedback = Feedback(
        _kind(name, final=event.get("isFinal") is not False),
        message_id,
        _time(event.get("eventTimestamp")) or sent_at,
        sent_at,
        notification_of(str(tags.get(NOTIFICATION_TAG, ""))),
        attempt_of(str(tags.get(ATTEMPT_TAG, ""))),
        number if isinstance(number, str) else None,
        permanent=name in _NEVER,
        detail=_detail(name, event.get("messageStatusDescription")),
        channel=CHANNEL,
    )
    return [feedback]


def _kind(name: str, *, final: bool) -> FeedbackKind:
    """Return the kind. A status that is not final may still change: an acceptance by the carrier, or a delay."""
    kind = _KINDS.get(name, FeedbackKind.OTHER)
    if final:
        return kind
    return FeedbackKind.DELAY if kind is FeedbackKind.BOUNCE else FeedbackKind.SEND


def _detail(name: str, description: object) -> str:
    text = description if isinstance(description, str) else ""
    return detail_of(PHONE_NUMBER.sub("…", f"{name}: {text}").strip(": "))


def _time(value: object) -> datetime | None:
    """Return a time of milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
