"""Events of SMS become feedback of the channel `sms`."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from bridge.feedback.events import feedback_of
from notifier.errors import DecodeError
from notifier.feedback import FeedbackKind

ID = str(uuid4())


def event(name: str, **changes: Any) -> dict[str, Any]:
    """Return an event as the documentation of AWS End User Messaging shows it."""
    return {
        "eventType": name,
        "eventVersion": "1.0",
        "eventTimestamp": 1_700_000_001_500,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": "+14255550156",
        "isoCountryCode": "US",
        "messageId": "862a8790-60c0-4430-9b2b-658bd0000000",
        "messageRequestTimestamp": 1_700_000_000_000,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": name.removeprefix("TEXT_"),
        "messageStatusDescription": "Message to +14255550156 has been handled",
        "context": {"nid": ID, "att": "2"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.00645,
        **changes,
    }


def test_an_event_names_the_notification_the_attempt_and_the_number() -> None:
    (found,) = feedback_of(event("TEXT_DELIVERED"))
    assert (str(found.notification_id), found.attempt, found.channel) == (ID, 2, "sms")
    assert found.sent_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found.occurred_at.microsecond == 500_000
    assert found.recipient == "+14255550156"
    assert found.detail is not None
    assert "4255550156" not in found.detail


@pytest.mark.parametrize(
    ("name", "final", "kind", "permanent"),
    [
        ("TEXT_QUEUED", False, FeedbackKind.SEND, False),
        ("TEXT_PENDING", False, FeedbackKind.SEND, False),
        ("TEXT_SENT", False, FeedbackKind.SEND, False),
        ("TEXT_SUCCESSFUL", False, FeedbackKind.SEND, False),
        ("TEXT_SUCCESSFUL", True, FeedbackKind.DELIVERY, False),
        ("TEXT_DELIVERED", True, FeedbackKind.DELIVERY, False),
        ("TEXT_INVALID", True, FeedbackKind.BOUNCE, True),
        ("TEXT_BLOCKED", True, FeedbackKind.BOUNCE, False),
        ("TEXT_CARRIER_UNREACHABLE", False, FeedbackKind.DELAY, False),
        ("TEXT_TTL_EXPIRED", True, FeedbackKind.BOUNCE, False),
        ("TEXT_SPAM", True, FeedbackKind.REJECT, False),
        ("TEXT_UNKNOWN", True, FeedbackKind.OTHER, False),
        ("TEXT_OF_NEXT_YEAR", True, FeedbackKind.OTHER, False),
    ],
)
def test_each_type_has_its_meaning(name: str, final: bool, kind: FeedbackKind, permanent: bool) -> None:
    (found,) = feedback_of(event(name, isFinal=final))
    assert (found.kind, found.permanent) == (kind, permanent)


def test_an_event_of_somebody_elses_sms_names_no_notification() -> None:
    for context in (None, {}, {"nid": "x", "att": "0"}, "text"):
        (found,) = feedback_of(event("TEXT_SENT", context=context))
        assert (found.notification_id, found.attempt) == (None, None)


@pytest.mark.parametrize("missing", ["messageId", "messageRequestTimestamp"])
@pytest.mark.parametrize("value", [None, "", "x\n", True, 10**30])
def test_an_event_without_what_each_has_is_a_dead_letter(missing: str, value: Any) -> None:
    if (missing, value) == ("messageId", 10**30):
        value = "x" * 300
    with pytest.raises(DecodeError):
        feedback_of(event("TEXT_SENT", **{missing: value}))
