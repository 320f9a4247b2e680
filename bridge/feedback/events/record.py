"""Reads one event record as `Feedback`, by the provider that published it. Pure."""

from collections.abc import Mapping
from typing import Any

from bridge.feedback.events.ses import ses_feedback_of
from bridge.feedback.events.sms import PREFIX, sms_feedback_of
from notifier.errors import DecodeError
from notifier.feedback import Feedback


def feedback_of(record: object) -> list[Feedback]:
    """Return what one record says: one item, or one for each topic that a recipient leaves. Raise DecodeError."""
    event = _unwrapped(record)
    name = event.get("eventType")
    if isinstance(name, str) and name.startswith(PREFIX):
        return sms_feedback_of(event)
    return ses_feedback_of(event)


def _unwrapped(record: object) -> Mapping[str, Any]:
    """Return the event of a record, as SNS, EventBridge or the queue itself bring it."""
    if not isinstance(record, dict):
        raise DecodeError("no JSON object")
    if record.get("source") == "aws.ses" and isinstance(detail := record.get("detail"), dict):
        return detail  # as EventBridge brings it
    return record
