"""Reads an event of SES's event publishing, which has our tags, as `Feedback`. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zlib import crc32

from bridge.feedback.events.fields import MOST_ID, attempt_of, detail_of, is_storable, notification_of
from notifier.errors import DecodeError
from notifier.feedback import ATTEMPT_TAG, NOTIFICATION_TAG, Feedback, FeedbackKind

_IN_A_MILLISECOND = 1000
"""Microseconds: far more than a mail has recipients."""
_CONFIGURATION_SET_TAG = "ses:configuration-set"
_ON_A_LIST = re.compile(r"On[A-Za-z]*SuppressionList")
"""The account's list, for example. Not `Suppressed`: that is SES's own global list, and counts as a bounce."""
_WORD = re.compile(r"[^\s<>()\[\]\"',;:]+")

Record = Mapping[str, Any]


def ses_feedback_of(event: Record) -> list[Feedback]:
    """Return what one event says: one item, or one for each topic that a recipient leaves. Raise DecodeError."""
    name = _text(event.get("eventType"))
    if not name and "notificationType" in event:
        raise DecodeError(
            "a notification of an identity, which has no tags: publish events through a configuration set instead"
        )
    if name not in _MEANINGS:
        raise DecodeError("its eventType is none that is known")
    member, meaning = _MEANINGS[name]
    return meaning(_proof(_mapping(event.get("mail"))), _mapping(event.get(member)))


def _proof(mail: Record) -> Feedback:
    """Return what an event of any kind proves: that SES accepted the message. The recipient is the address that we
    gave SES: the one in a bounce may be spelled otherwise, or be the address the mail was forwarded to. A mail to
    several has none: its bounces name theirs.
    """
    message_id, sent_at = mail.get("messageId"), _time(mail.get("timestamp"))
    if not is_storable(message_id):
        raise DecodeError("its mail has no messageId")
    if sent_at is None:
        raise DecodeError("its mail has no timestamp")
    return Feedback(
        FeedbackKind.SEND,
        message_id,
        sent_at,
        sent_at,
        notification_of(_tag(mail, NOTIFICATION_TAG)),
        attempt_of(_tag(mail, ATTEMPT_TAG)),
        _only(mail.get("destination")),
        configuration_set=_tag(mail, _CONFIGURATION_SET_TAG)[:MOST_ID] or None,
    )


def _send(proof: Feedback, _: Record) -> list[Feedback]:
    return [proof]


def _other(proof: Feedback, _: Record) -> list[Feedback]:
    return [replace(proof, kind=FeedbackKind.OTHER)]


def _delivery(proof: Feedback, delivery: Record) -> list[Feedback]:
    recipient = proof.recipient or _first(delivery.get("recipients"))
    return [replace(_happened(proof, FeedbackKind.DELIVERY, delivery), recipient=recipient)]


def _bounce(proof: Feedback, bounce: Record) -> list[Feedback]:
    people = _people(bounce.get("bouncedRecipients"))
    kind, subtype = _text(bounce.get("bounceType")), _text(bounce.get("bounceSubType"))
    diagnosis = next((_text(each.get("diagnosticCode")) for each in people), "")
    if (kind, subtype) == ("Transient", "General") and not diagnosis and not any("status" in each for each in people):
        # An out-of-office reply: the mail was delivered.
        return [replace(each, detail="an automatic answer") for each in _other(proof, bounce)]
    what = FeedbackKind.SUPPRESSED if _ON_A_LIST.fullmatch(subtype) else FeedbackKind.BOUNCE
    bounced = _happened(proof, what, bounce, f"{kind}/{subtype}", diagnosis)
    return _of_each(people, replace(bounced, permanent=kind == "Permanent"))


def _complaint(proof: Feedback, complaint: Record) -> list[Feedback]:
    kind = _text(complaint.get("complaintFeedbackType"))
    if kind == "not-spam":
        return _other(proof, complaint)  # the opposite of a complaint
    people, subtype = _people(complaint.get("complainedRecipients")), _text(complaint.get("complaintSubType"))
    what = FeedbackKind.SUPPRESSED if _ON_A_LIST.fullmatch(subtype) else FeedbackKind.COMPLAINT
    complained = _happened(proof, what, complaint, kind, subtype)
    return _of_each(people, complained)


def _reject(proof: Feedback, reject: Record) -> list[Feedback]:
    return [_happened(proof, FeedbackKind.REJECT, reject, _text(reject.get("reason")))]


def _failure(proof: Feedback, failure: Record) -> list[Feedback]:
    return [_happened(proof, FeedbackKind.RENDERING_FAILURE, failure, _text(failure.get("errorMessage")))]


def _delay(proof: Feedback, delay: Record) -> list[Feedback]:
    people = _people(delay.get("delayedRecipients"))
    diagnosis = next((_text(each.get("diagnosticCode")) for each in people), "")
    delayed = _happened(proof, FeedbackKind.DELAY, delay, _text(delay.get("delayType")), diagnosis)
    return [replace(delayed, recipient=proof.recipient or _of(people))]


def _subscription(proof: Feedback, subscription: Record) -> list[Feedback]:
    """Return one item for each topic, a microsecond apart: an event is identified by its time."""
    left = _happened(proof, FeedbackKind.UNSUBSCRIBE, subscription)
    wishes = _mapping(subscription.get("newTopicPreferences"))
    if wishes.get("unsubscribeAll") is True:
        return [left]
    topics = sorted(_left(wishes) - _left(_mapping(subscription.get("oldTopicPreferences"))))
    return [
        replace(left, topic=topic, occurred_at=left.occurred_at + timedelta(microseconds=number))
        for number, topic in enumerate(topics)
    ] or _other(proof, subscription)


_MEANINGS: Mapping[str, tuple[str, Callable[[Feedback, Record], list[Feedback]]]] = {
    "Send": ("send", _send),
    "Delivery": ("delivery", _delivery),
    "Bounce": ("bounce", _bounce),
    "Complaint": ("complaint", _complaint),
    "Reject": ("reject", _reject),
    "Rendering Failure": ("failure", _failure),
    "DeliveryDelay": ("deliveryDelay", _delay),
    "Subscription": ("subscription", _subscription),
    # Not counted, but they prove that SES accepted the message.
    "Open": ("open", _other),
    "Click": ("click", _other),
}


def _happened(proof: Feedback, kind: FeedbackKind, what: Record, *details: str) -> Feedback:
    """Return the proof with kind, time and detail. Addresses in the detail are removed: it is shown to people who may
    not see recipients.
    """
    text = _WORD.sub(lambda word: "…" if "@" in word[0] else word[0], ": ".join(filter(None, details)))
    at = _time(what.get("timestamp")) or proof.sent_at
    return replace(proof, kind=kind, occurred_at=at, detail=detail_of(text) or None)


def _left(preferences: Record) -> set[str]:
    statuses = _people(preferences.get("topicSubscriptionStatus"))
    names = (each.get("topicName") for each in statuses if each.get("subscriptionStatus") == "OptOut")
    return {name for name in names if is_storable(name)}


def _mapping(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _people(value: object) -> list[Record]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _of_each(people: list[Record], happened: Feedback) -> list[Feedback]:
    """Return one item for each of the people, if the mail went to several.

    An event is identified by its time, which SES gives in milliseconds: each address adds microseconds of its own, so
    that bounces of two addresses at the same time are two events, also if SES reports them one by one.
    """
    named = dict.fromkeys(address for each in people if (address := _text(each.get("emailAddress"))))
    if happened.recipient or not named:
        return [happened]
    moments: dict[int, str] = {}
    for address in islice(named, _IN_A_MILLISECOND):
        number = crc32(address.encode()) % _IN_A_MILLISECOND
        while number in moments:
            number = (number + 1) % _IN_A_MILLISECOND
        moments[number] = address
    return [
        replace(happened, recipient=address, occurred_at=happened.occurred_at + timedelta(microseconds=number))
        for number, address in moments.items()
    ]


def _only(value: object) -> str | None:
    """Return the first of a list with one element; None of a longer one."""
    return _first(value) if isinstance(value, list) and len(value) == 1 else None


def _of(people: list[Record]) -> str | None:
    return _first([each.get("emailAddress") for each in people])


def _first(value: object) -> str | None:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tag(mail: Record, name: str) -> str:
    return _first(_mapping(mail.get("tags")).get(name)) or ""


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(value))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
