"""SMS through AWS End User Messaging: what a request has, and what each error means."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from notifier import Sms
from notifier.channels import Capability, capability, silence
from notifier.doctor.finding import Level
from notifier.errors import SettingsError
from notifier.messages import Message, SmsContent
from notifier.outcomes import Accepted, Blocked, NotSent, Outcome, Rejected, Throttled, Unknown
from notifier.settings import Settings
from notifier.testing import HttpAnswer, HttpRequest, channel_settings
from tests.workers.channels.providers import TextProvider, text_error
from workers.channels.sms import SmsChannel

TO = "+351912345678"
Make = Callable[..., SmsChannel]

pytestmark = pytest.mark.usefixtures("aws")


class Service(TextProvider):
    says: HttpAnswer | None = None

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return self.says or super().accepts(request)


class Account(TextProvider):
    """Answers what the doctor asks."""

    def __init__(self, *, tier: str = "PRODUCTION", events: list[str] | None = None) -> None:
        super().__init__()
        self._answers = {
            "DescribeAccountAttributes": {"AccountAttributes": [{"Name": "ACCOUNT_TIER", "Value": tier}]},
            "DescribeConfigurationSets": {
                "ConfigurationSets": [
                    {
                        "ConfigurationSetName": "set",
                        "EventDestinations": [
                            {
                                "EventDestinationName": "topic",
                                "Enabled": True,
                                "MatchingEventTypes": events or ["TEXT_ALL"],
                                "SnsDestination": {"TopicArn": "arn:aws:sns:eu-west-1:1:t"},
                            }
                        ],
                    }
                ]
            },
        }

    def concerns(self, request: HttpRequest, message: Any) -> bool:
        return False

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        return HttpAnswer(200, json.dumps(self._answers[operation]).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture
def make(service: Service) -> Iterator[Make]:
    made: list[SmsChannel] = []

    def make(url: str = "", **changes: Any) -> SmsChannel:
        made.append(SmsChannel(settings(aws_sms_endpoint_url=url or service.url, **changes)))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def settings(**changes: Any) -> Settings:
    given = {"aws_region": "eu-west-1", "sms_provider": "end-user-messaging", "sms_configuration_set": "set"}
    return channel_settings(**{**given, **changes})


def send(channel: SmsChannel, sms: Sms | None = None, attempt: int = 1) -> Outcome:
    sms = sms or Sms(TO, text="hi")
    (outcome,) = channel.send([Message(uuid4(), attempt, sms, SmsContent(sms.text or ""))])
    return outcome


def test_a_request_has_our_ids_and_the_settings(service: Service, make: Make) -> None:
    channel = make(
        sms_origination_identity="pool-1",
        sms_max_price=Decimal("0.5"),
        sms_ttl_seconds=600,
        sms_type="Promotional",
    )
    message = Message(uuid4(), 2, Sms(TO, text="hi"), SmsContent("hi"))
    (outcome,) = channel.send([message])
    assert isinstance(outcome, Accepted)
    assert outcome.message_id
    assert json.loads(service.received[0].body) == {
        "DestinationPhoneNumber": TO,
        "OriginationIdentity": "pool-1",
        "MessageBody": "hi",
        "MessageType": "PROMOTIONAL",
        "ConfigurationSetName": "set",
        "MaxPrice": "0.50000",
        "TimeToLive": 600,
        "Context": {"nid": str(message.notification_id), "att": "2"},
    }


@pytest.mark.parametrize(
    ("sender", "identity"),
    [("Shop", "Shop"), ("+351 91 234 5678", TO), ("arn:aws:sms-voice:eu-west-1:1:pool/p", None)],
)
def test_the_sender_of_a_route_replaces_that_of_the_settings(
    sender: str, identity: str | None, service: Service, make: Make
) -> None:
    send(make(sms_sender_id="Us"), Sms(TO, text="hi", sender=sender))
    assert json.loads(service.received[0].body)["OriginationIdentity"] == (identity or sender)


@pytest.mark.parametrize(
    ("status", "code", "reason", "expected"),
    [
        (400, "ThrottlingException", "", Throttled),
        (400, "ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", Rejected),
        (400, "ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", NotSent),
        (400, "ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", Rejected),
        (400, "ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND", NotSent),
        (400, "ConflictException", "RESOURCE_NOT_ACTIVE", Blocked),
        (400, "ConflictException", "A_REASON_OF_NEXT_YEAR", Blocked),
        (400, "ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", Blocked),
        (400, "ValidationException", "PRICE_OVER_THRESHOLD", Rejected),
        (400, "ValidationException", "DESTINATION_COUNTRY_BLOCKED", NotSent),
        (400, "ValidationException", "INVALID_PARAMETER", Rejected),
        (400, "ResourceNotFoundException", "", Blocked),
        (400, "AccessDeniedException", "ACCOUNT_DISABLED", Blocked),
        (400, "AccessDeniedException", "", Blocked),
        (500, "InternalServerException", "", Unknown),
        (503, "ValidationException", "PRICE_OVER_THRESHOLD", Unknown),
        (400, "ANewException", "", NotSent),
    ],
)
def test_each_error_is_one_request_and_one_outcome(
    status: int, code: str, reason: str, expected: type[Outcome], service: Service, make: Make
) -> None:
    service.says = text_error(status, code, f"about {TO}", **({"Reason": reason} if reason else {}))
    outcome = send(make())
    assert type(outcome) is expected
    assert TO not in getattr(outcome, "reason", "")
    assert reason in getattr(outcome, "reason", "")
    assert service.requests() == 1


def test_a_wrong_setting_stops_the_channel_and_a_wrong_sender_of_a_route_its_own_sms(
    service: Service, make: Make
) -> None:
    fields = [{"Name": "OriginationIdentity", "Message": "is none"}]
    service.says = text_error(400, "ValidationException", "", Reason="FIELD_VALIDATION_FAILED", Fields=fields)
    assert isinstance(send(make()), Blocked)
    assert isinstance(send(make(), Sms(TO, text="hi", sender="Shop")), Rejected)


@pytest.mark.parametrize(
    ("text", "parts"), [("a" * 160, 1), ("a" * 161, 2), ("ç" * 70, 1), ("ç" * 71, 2), ("€" * 80, 1), ("€" * 81, 2)]
)
@pytest.mark.parametrize("provider", ["sns", "end-user-messaging"])
def test_a_text_of_too_many_segments_is_rejected(
    text: str, parts: int, provider: str, service: Service, make: Make
) -> None:
    if "ç" in text:
        text = text.replace("ç", "ș")  # not in GSM-7
    channel = make(sms_provider=provider, sms_max_segments=1, aws_sns_endpoint_url="http://127.0.0.1:1")
    outcome = send(channel, Sms(TO, text=text))
    assert isinstance(outcome, Rejected) == (parts > 1)
    if parts > 1:
        assert f"{parts} segments" in getattr(outcome, "reason", "")


def test_a_price_that_aws_does_not_take_is_refused() -> None:
    for price in ("0.000001", "100"):
        with pytest.raises(SettingsError, match="SMS_MAX_PRICE"):
            SmsChannel(settings(sms_max_price=Decimal(price)))


def test_what_an_unknown_waits_for_follows_from_the_provider() -> None:
    assert capability("sms", settings()) is Capability.RECEIPTS
    assert capability("sms", channel_settings()) is Capability.NONE
    assert silence("sms", settings()) is None
    assert "SMS_CONFIGURATION_SET" in str(silence("sms", settings(sms_configuration_set="")))
    assert silence("sms", channel_settings()) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [Level.GOOD, Level.GOOD]),
        ({"tier": "SANDBOX"}, [Level.DOUBTFUL, Level.GOOD]),
        ({"events": ["TEXT_DELIVERED"]}, [Level.GOOD, Level.DOUBTFUL]),
    ],
)
def test_the_doctor_asks_about_the_account(given: dict[str, Any], expected: list[Level], make: Make) -> None:
    with Account(**given) as account:
        assert [each.level for each in make(account.url).examine()] == expected


def test_the_doctor_misses_the_configuration_set(service: Service, make: Make) -> None:
    service.says = text_error(400, "ResourceNotFoundException")
    assert [each.level for each in make().examine()] == [Level.WRONG]
