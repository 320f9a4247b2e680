"""Every message body becomes feedback, a notice or a dead letter; none raises an unexpected error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.feedback.envelope import MessageParser
from bridge.feedback.sns_signature import Envelope
from notifier.errors import DecodeError, Unreachable
from notifier.feedback import DeadLetter, Feedback, FeedbackKind, Notice
from tests.bridge.feedback import records

TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"


class Believes:
    """Accepts every envelope, or raises the given error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def check(self, envelope: Envelope) -> None:
        if self.error:
            raise self.error


BARE, WRAPPED = MessageParser(None), MessageParser(Believes())


def wrapped(message: Any, **changes: Any) -> str:
    text = message if isinstance(message, str) else json.dumps(message)
    return json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": text, **changes})


def error_of(found: list[Feedback] | Notice | DeadLetter) -> str:
    assert isinstance(found, DeadLetter)
    return found.error


def test_a_bare_event() -> None:
    (said,) = BARE.parse(json.dumps(records.delivery()))
    assert said.kind is FeedbackKind.DELIVERY


def test_an_event_in_an_envelope() -> None:
    (said,) = WRAPPED.parse(wrapped(records.delivery()))
    assert said.kind is FeedbackKind.DELIVERY


def test_an_envelope_where_none_is_expected() -> None:
    assert "NOTIFIER_FEEDBACK_TOPIC_ARN" in error_of(BARE.parse(wrapped(records.delivery())))


@pytest.mark.parametrize("event", [records.delivery(), records.by_eventbridge(records.delivery()), [], "x"])
def test_no_envelope_where_one_is_demanded(event: Any) -> None:
    assert "raw message delivery" in error_of(WRAPPED.parse(json.dumps(event)))


def test_an_envelope_that_fails_its_check_is_kept_as_it_came() -> None:
    body = wrapped(records.delivery())
    found = MessageParser(Believes(DecodeError("forged"))).parse(body)
    assert found == DeadLetter(body.encode(), "forged")


def test_what_cannot_be_checked_now_is_no_dead_letter() -> None:
    with pytest.raises(Unreachable):
        MessageParser(Believes(Unreachable("away"))).parse(wrapped(records.delivery()))


def test_a_mistake_of_ours_costs_one_message() -> None:
    found = MessageParser(Believes(KeyError("x"))).parse(wrapped(records.delivery()))
    assert error_of(found) == "a mistake in Notifier: KeyError"


@pytest.mark.parametrize("parser", [BARE, WRAPPED, MessageParser(Believes(DecodeError("forged")))])
def test_a_subscription_is_confirmed_by_hand_only(parser: MessageParser) -> None:
    asked = wrapped("You have chosen to subscribe", Type="SubscriptionConfirmation", Token="abc\n7", SubscribeURL="x")
    notice = parser.parse(asked)
    assert isinstance(notice, Notice)
    assert notice.urgent
    assert f"aws sns confirm-subscription --topic-arn {TOPIC} --token abc 7" in notice.text
    ended = parser.parse(wrapped("x", Type="UnsubscribeConfirmation"))
    assert isinstance(ended, Notice)
    assert ended.urgent
    assert "the subscription of this queue" in ended.text


GREETINGS = {
    "a configuration set": "Successfully validated SNS topic for Amazon SES event publishing.",
    "in JSON": '"Successfully validated SNS topic for Amazon SES event publishing."',
    "with a line break": " Successfully validated SNS topic for Amazon SES event publishing.\n",
    "another destination": "Successfully validated SQS queue for Amazon SES event publishing.",
    "an identity": json.dumps(
        {
            "notificationType": "AmazonSnsSubscriptionSucceeded",
            "message": "You have successfully subscribed your Amazon SNS topic 'x' to receive 'Bounce' notifications "
            "from Amazon SES for identity 'example.com'.",
        }
    ),
}


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS)
@pytest.mark.parametrize("parser", [BARE, WRAPPED])
def test_a_validation_message_of_ses_is_no_dead_letter(parser: MessageParser, greeting: str) -> None:
    for body in (greeting, wrapped(greeting)):
        notice = parser.parse(body)
        assert isinstance(notice, Notice)
        assert not notice.urgent


@pytest.mark.parametrize(
    "detail_type", ["Sending Status Disabled", "Advisor Recommendation Status Open", "Account Quota Changed"]
)
def test_a_notice_about_the_account_is_logged(detail_type: str) -> None:
    body = json.dumps({"source": "aws.ses", "detail-type": detail_type, "detail": {"version": "1.0.0"}})
    for found in (BARE.parse(body), WRAPPED.parse(wrapped(body))):
        assert isinstance(found, Notice)
        assert found.urgent
        assert detail_type in found.text


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(records.send(headers=[{"name": "Subject", "value": "Successfully validated SNS topic"}])),
        json.dumps(records.send(headers=[{"name": "Subject", "value": "SubscriptionConfirmation"}])),
        json.dumps(records.by_eventbridge(records.send())),
        json.dumps({**records.send(), "Type": "SubscriptionConfirmation"}),
    ],
)
def test_an_event_is_no_notice(body: str) -> None:
    (said,) = BARE.parse(body)
    assert said.kind is FeedbackKind.SEND


@pytest.mark.parametrize("kind", [[], {}, 7, None, "Notification"])
def test_an_envelope_of_an_odd_type_is_kept(kind: Any) -> None:
    assert isinstance(BARE.parse(wrapped("Confirmation", Type=kind)), DeadLetter)


def test_half_a_character_in_a_long_header_does_not_cost_the_event() -> None:
    body = json.dumps(records.send(headers=[{"name": "Subject", "value": "\ud83d"}]))
    (said,) = BARE.parse(body)
    assert said.notification_id == records.ID


@pytest.mark.parametrize("body", ["", " ", "{", "[" * 100_000, "\ud800", "\0", '{"a":' + "1" * 10_000 + "}", "NaN"])
def test_what_is_no_json_is_kept(body: str) -> None:
    found = BARE.parse(body)
    assert isinstance(found, DeadLetter)
    assert found.raw.decode("utf-8", "surrogatepass") == body


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["Send", "Bounce", "2026-11-25T09:30:00Z", "nid", TOPIC, "Notification", str(records.ID), "1"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
PATHS = st.lists(st.integers(0, 30), max_size=5)


def changed(value: Any, path: list[int], put: Any) -> Any:
    """Return a copy with another value at the end of the path."""
    if not path or not isinstance(value, dict | list) or not value:
        return put
    place = path[0] % len(value)
    if isinstance(value, list):
        return [changed(each, path[1:], put) if number == place else each for number, each in enumerate(value)]
    key = list(value)[place]
    return {**value, key: changed(value[key], path[1:], put)}


@given(st.sampled_from(sorted(records.EVERY_KIND)), st.lists(st.tuples(PATHS, JSON), min_size=1, max_size=3))
def test_whatever_is_changed_in_an_event_nothing_is_dropped(name: str, changes: list[tuple[list[int], Any]]) -> None:
    event: Any = records.EVERY_KIND[name]
    for path, put in changes:
        event = changed(event, path, put)
    assert_nothing_is_dropped(BARE, json.dumps(event))
    assert_nothing_is_dropped(WRAPPED, wrapped(event))


@given(JSON)
def test_any_json_becomes_something(value: Any) -> None:
    for parser in (BARE, WRAPPED):
        assert_nothing_is_dropped(parser, json.dumps(value))
        assert_nothing_is_dropped(parser, wrapped(value))


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_becomes_something(body: str) -> None:
    for parser in (BARE, WRAPPED):
        assert_nothing_is_dropped(parser, body)


def assert_nothing_is_dropped(parser: MessageParser, body: str) -> None:
    found = parser.parse(body)
    if isinstance(found, DeadLetter):
        assert found.raw == body.encode("utf-8", "surrogatepass")
        assert found.error
        assert not found.error.startswith("a mistake"), found.error
    elif isinstance(found, Notice):
        assert found.text.isprintable()
    else:
        assert found
        for each in found:
            assert each.message_id.isprintable()
            assert each.occurred_at.utcoffset() is not None
            assert each.sent_at.utcoffset() is not None
