"""Messages of SES and SNS in the feedback queue that are not about a mail, as a subscription to confirm. Pure."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from notifier.feedback import Notice

_VALIDATED = re.compile(r"\s*\"?Successfully validated [\w -]{1,60} for Amazon SES\b")
_MARKS = ("Successfully validated", "Confirmation", "AmazonSnsSubscriptionSucceeded", "detail-type")
"""Each notice has one of these, and few events do: a message without one is not parsed twice."""
_LONGEST = 2_000

CONFIRMED = Notice("SES confirms a new event destination: events of its configuration set come from now on")


def notice_of(body: str) -> Notice | None:
    """Return the notice in the message, which may be in an envelope of SNS; None if it may be an event."""
    if not any(mark in body for mark in _MARKS):
        return None
    if _VALIDATED.match(body):
        return CONFIRMED
    message = _object(body)
    if message is None:
        return None
    kind = message.get("Type")
    if isinstance(kind, str) and kind in _OF_SNS and "TopicArn" in message:
        return _OF_SNS[kind](message)
    inner = message.get("Message")
    if isinstance(inner, str) and "TopicArn" in message:
        if _VALIDATED.match(inner):
            return CONFIRMED
        message = _object(inner) or {}
    return _of_ses(message)


def _of_ses(message: Mapping[str, Any]) -> Notice | None:
    if message.get("notificationType") == "AmazonSnsSubscriptionSucceeded":
        return Notice(
            f"SES confirms a topic for the notifications of an identity: {_printable(message.get('message'))}"
        )
    detail = message.get("detail")
    if message.get("source") == "aws.ses" and not (isinstance(detail, dict) and "eventType" in detail):
        about = _printable(message.get("detail-type"))
        return Notice(f"SES reports on the account, by EventBridge: {about}; see the SES console", urgent=True)
    return None


def _confirmation(message: Mapping[str, Any]) -> Notice:
    topic, token = _printable(message["TopicArn"]), _printable(message.get("Token"))
    return Notice(
        "SNS asks to confirm a subscription, which only a person may do. If the topic is yours: "
        f"aws sns confirm-subscription --topic-arn {topic} --token {token}",
        urgent=True,
    )


def _unsubscribed(message: Mapping[str, Any]) -> Notice:
    return Notice(
        f"the subscription of this queue to {_printable(message['TopicArn'])} was ended: no events come through it. "
        "If that was not you, subscribe again",
        urgent=True,
    )


_OF_SNS = {"SubscriptionConfirmation": _confirmation, "UnsubscribeConfirmation": _unsubscribed}


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _printable(value: object) -> str:
    """Return the text without control characters, for the log: it may be written by somebody else."""
    text = value if isinstance(value, str) else "?"
    return "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST])
