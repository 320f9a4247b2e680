"""SmsChannel over HTTP: never more than one request, and the outcome of each answer."""

import json
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen
from uuid import uuid4

import pytest
from pydantic import ValidationError

from notifier import Sms
from notifier.channels import Capability, load_channel
from notifier.errors import SettingsError, TemplateError
from notifier.messages import Message, SmsContent
from notifier.outcomes import Accepted, Blocked, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.templates import Templates
from notifier.testing import Behaviour, HttpAnswer, HttpRequest, channel_settings
from sandbox.embedded.ministack import MinistackServer
from tests.workers.channels.providers import SnsProvider, parameters, sns_error
from workers.channels.sms import SmsChannel
from workers.channels.sms.client import FRESH_SECONDS, SmsClient

MakeChannel = Callable[..., SmsChannel]
TO = "+351912345678"

pytestmark = pytest.mark.usefixtures("aws")


class Sns(SnsProvider):
    says: HttpAnswer | None = None

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        return self.says or super().accepts(request)


@pytest.fixture
def sns() -> Iterator[Sns]:
    with Sns() as sns:
        yield sns


@pytest.fixture
def make_channel(sns: Sns) -> Iterator[MakeChannel]:
    made = []

    def make(**changes: Any) -> SmsChannel:
        given = {"aws_region": "eu-west-1", "aws_sns_endpoint_url": sns.url, **changes}
        made.append(SmsChannel(channel_settings(**given)))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def send_one(channel: SmsChannel, text: Any = "Good day", to: Any = TO, **more: Any) -> Outcome:
    (outcome,) = channel.send([Message(uuid4(), 1, Sms(to, text, **more), SmsContent(text))])
    return outcome


def test_is_installed_as_the_channel_sms(sns: Sns) -> None:
    channel = load_channel("sms", channel_settings(aws_region="eu-west-1"))
    assert isinstance(channel, SmsChannel)
    assert channel.capability is Capability.NONE
    channel.close()


def test_the_request_is_a_publish_to_the_number(sns: Sns, make_channel: MakeChannel) -> None:
    outcome = send_one(make_channel(), "Olá, 1 & 2", to="+351 912-345.678")
    assert isinstance(outcome, Accepted)
    assert outcome.message_id
    assert outcome.message_id.startswith("sns-")
    (request,) = sns.received
    found = parameters(request)
    assert (found["Action"], found["PhoneNumber"], found["Message"]) == ("Publish", TO, "Olá, 1 & 2")
    assert "TopicArn" not in found
    assert attributes(request) == {"AWS.SNS.SMS.SMSType": ("String", "Transactional")}


def attributes(request: HttpRequest) -> dict[str, tuple[str, str]]:
    found = parameters(request)
    numbers = [name.split(".")[2] for name in found if name.endswith(".Name")]
    entry = "MessageAttributes.entry.{}.{}".format
    return {
        found[entry(each, "Name")]: (found[entry(each, "Value.DataType")], found[entry(each, "Value.StringValue")])
        for each in numbers
    }


def test_the_settings_become_attributes(sns: Sns, make_channel: MakeChannel) -> None:
    channel = make_channel(sms_sender_id="Harbour7", sms_type="Promotional", sms_max_price=Decimal("0.50"))
    send_one(channel)
    send_one(channel, sender="Ferry")
    send_one(channel, sender="+12065550100")
    first, second, third = (attributes(each) for each in sns.received)
    assert first == {
        "AWS.SNS.SMS.SMSType": ("String", "Promotional"),
        "AWS.SNS.SMS.MaxPrice": ("Number", "0.50"),
        "AWS.SNS.SMS.SenderID": ("String", "Harbour7"),
    }
    assert second["AWS.SNS.SMS.SenderID"] == ("String", "Ferry")
    assert third["AWS.MM.SMS.OriginationNumber"] == ("String", "+12065550100")


@pytest.mark.parametrize("sender_id", ["12345", "with space", "TwelveLetter", "Größe", "a-b"])
def test_an_invalid_sender_id_is_refused_at_the_start(sender_id: str) -> None:
    with pytest.raises((SettingsError, ValidationError), match=r"(?i)sms_sender_id"):
        SmsChannel(channel_settings(aws_region="eu-west-1", sms_sender_id=sender_id))


def test_the_rate_is_the_one_that_is_set(make_channel: MakeChannel) -> None:
    assert make_channel().rate() is None
    assert make_channel(sms_per_second=20).rate() == 20


def test_the_text_comes_from_the_request_or_from_a_template(make_channel: MakeChannel, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/sms.txt").write_text("\nYour code: {{ code }}\n")
    (tmp_path / "code/sms.pt.txt").write_text("O seu código: {{ code }}")
    templates, render = Templates(tmp_path), make_channel().render
    assert render(Sms(TO, "Good day"), templates) == SmsContent("Good day")
    assert render(Sms(TO, template="code", context={"code": 7}), templates) == SmsContent("Your code: 7")
    assert render(Sms(TO, template="code", context={"code": 7}, locale="pt-BR"), templates).text == "O seu código: 7"
    for neither_nor in (Sms(TO), Sms(TO, "Good day", "code")):
        with pytest.raises(TemplateError, match="either a text or a template"):
            render(neither_nor, templates)


ANSWERS: dict[str, tuple[HttpAnswer, Outcome | type[Outcome]]] = {
    "accepted without an id": (
        HttpAnswer(200, b"<PublishResponse><PublishResult/></PublishResponse>"),
        Accepted(None),
    ),
    "accepted, half an answer": (HttpAnswer(200, b"<PublishResponse/>"), Unknown),
    "accepted, not XML": (HttpAnswer(200, b"yes"), Unknown),
    "throttled": (sns_error(400, "Throttling", "Rate exceeded"), Throttled),
    "throttled by SNS": (sns_error(429, "Throttled"), Throttled),
    "invalid parameter": (sns_error(400, "InvalidParameter", "PhoneNumber"), Rejected),
    **{
        f"a setting's fault: {said}": (sns_error(status, code, said), Blocked)
        for status, code, said in (
            (400, "InvalidParameter", "Invalid parameter: AWS.SNS.SMS.SenderID Reason: not registered"),
            (400, "InvalidParameter", "Invalid parameter: SenderID is not valid"),
            (400, "InvalidParameterValue", "Invalid parameter: MaxPrice Reason: above the limit of the account"),
            (400, "InvalidParameter", "Invalid parameter: SMSType"),
            (400, "InvalidParameter", "No origination entities available to send"),
            (400, "InvalidParameter", "Invalid parameter: AWS.MM.SMS.OriginationNumber Reason: not of this account"),
            (400, "ParameterValueInvalid", "MessageAttributes: The message attribute AWS.SNS.SMS.SMSType is invalid"),
            (400, "InvalidParameter", "The SMS spend limit of the account is reached"),
            (400, "SomethingNew", "No quota left for account"),
            (400, "ValidationException", "Sending SMS is disabled for the account"),
            (400, "InvalidParameter", "SMS is not supported in this region"),
            (
                400,
                "InvalidParameter",
                "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
            ),
            (400, "KMSAccessDenied", "The ciphertext references a key that may not be used"),
            (400, "KMSNotFoundException", "no such key"),
            (400, "SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service"),
        )
    },
    "a number of the sandbox": (
        sns_error(400, "InvalidParameter", "the number is not verified: SMS sandbox"),
        NotSent,
    ),
    "a number that is none": (
        sns_error(400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to"),
        Rejected,
    ),
    "an empty text": (sns_error(400, "InvalidParameter", "Invalid parameter: Empty message"), Rejected),
    "a setting's name in a 500": (sns_error(500, "InvalidParameter", "SenderID"), Unknown),
    "opted out": (sns_error(400, "OptedOut"), Rejected),
    "credentials": (sns_error(403, "SignatureDoesNotMatch"), Blocked),
    "not allowed": (sns_error(403, "AuthorizationError"), Blocked),
    "not opted in": (sns_error(403, "OptInRequired"), Blocked),
    "not found": (sns_error(404, "NotFound"), Blocked),
    "400 that nobody knows": (sns_error(400, "SomethingNew"), NotSent),
    "403 that nobody knows": (sns_error(403, "SomethingNew"), Blocked),
    "418 that nobody knows": (sns_error(418, "Teapot"), Unknown),
    "too large": (sns_error(413, "RequestEntityTooLarge"), Rejected),
    "request timeout": (sns_error(400, "RequestTimeout"), Unknown),
    "internal error": (sns_error(500, "InternalError"), Unknown),
    "invalid parameter in a 500": (sns_error(500, "InvalidParameter"), Unknown),
    "502 of a proxy": (HttpAnswer(502, b"<html>bad gateway</html>"), Unknown),
    "503": (sns_error(503, "ServiceUnavailable"), Unknown),
    "throttled in a 503": (sns_error(503, "ThrottlingException"), Throttled),
    "307": (HttpAnswer(307, b"", {"Location": "/"}), Unknown),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_is_one_request_and_one_outcome(name: str, sns: Sns, make_channel: MakeChannel) -> None:
    sns.says, expected = ANSWERS[name]
    outcome = send_one(make_channel())
    assert len(sns.received) == 1
    assert isinstance(outcome, expected) if isinstance(expected, type) else outcome == expected


def test_a_sender_that_the_route_names_is_its_own_fault(sns: Sns, make_channel: MakeChannel) -> None:
    sns.says = sns_error(400, "InvalidParameter", "Invalid parameter: AWS.SNS.SMS.SenderID")
    assert isinstance(send_one(make_channel(), sender="Mine"), Rejected)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("half\ud800", "half\ufffd"),
        ("O\x92Brien\x07", "O\ufffdBrien\ufffd"),
        ("NUL\0", "NUL\ufffd"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_texts_are_as_on_every_channel(text: str, sent: str, sns: Sns, make_channel: MakeChannel) -> None:
    assert isinstance(send_one(make_channel(), text=text), Accepted)
    assert parameters(sns.received[0])["Message"] == sent


@pytest.mark.parametrize(
    "more",
    [
        *({"text": ""}, {"text": " \n"}, {"text": "x" * 1601}, {"text": None}, {"text": 7}),
        *({"to": "912345678"}, {"to": "+0912345678"}, {"to": "+35191234567890123"}, {"to": None}),
        *({"to": "arn:aws:sns:eu-west-1:1:topic"}, {"sender": "not this one"}, {"sender": 7}),
    ],
)
def test_an_invalid_message_is_rejected_without_a_request(
    more: dict[str, Any], sns: Sns, make_channel: MakeChannel
) -> None:
    outcome = send_one(make_channel(), **more)
    assert isinstance(outcome, Rejected)
    assert sns.received == []
    assert "912345678" not in outcome.reason


@pytest.mark.parametrize(
    "said",
    ["Reason: +351912345678 is not valid", "number 351 912 345 678 is", "for 912-345-678:", "(912) 345 6789!"],
)
def test_a_reason_holds_no_number(said: str, sns: Sns, make_channel: MakeChannel) -> None:
    sns.says = sns_error(400, "InvalidParameter", said)
    outcome = send_one(make_channel())
    assert isinstance(outcome, Rejected)
    assert "…" in outcome.reason
    assert "912" not in outcome.reason


def test_all_spellings_of_a_number_have_one_address(make_channel: MakeChannel) -> None:
    channel = make_channel()
    assert channel.address("+351 912.345-678") == channel.address(TO) == TO
    assert channel.address(" not a number ") == "not a number"


def test_without_credentials_the_channel_is_blocked(
    sns: Sns, make_channel: MakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    outcome = send_one(make_channel())
    assert isinstance(outcome, Blocked)
    assert "credentials" in outcome.reason
    assert sns.received == []


def test_a_refused_connection_is_offline(make_channel: MakeChannel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert isinstance(send_one(make_channel(aws_sns_endpoint_url=f"http://127.0.0.1:{port}")), Offline)


def test_a_missing_region_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_AWS_REGION"):
        SmsChannel(channel_settings(aws_region=""))


@pytest.mark.parametrize("lease", [0.5, 5.0, 60.0, 600.0])
def test_the_last_request_ends_before_the_lease_does(lease: float, make_channel: MakeChannel) -> None:
    config = make_channel(send_lease_seconds=lease, unknown_after_seconds=2 * lease)._client.ready().meta.config
    assert lease / 2 + config.connect_timeout + config.read_timeout < lease


def test_a_connection_is_kept_but_not_for_long(sns: Sns) -> None:
    now = 100.0
    settings = channel_settings(aws_region="eu-west-1", aws_sns_endpoint_url=sns.url)
    client = SmsClient(settings, 2, clock=lambda: now)
    for elapsed, connections in ((0, 1), (1, 1), (FRESH_SECONDS + 1, 2), (FRESH_SECONDS + 1, 3)):
        now += elapsed
        client.ready().publish(PhoneNumber=TO, Message="Good day")
        assert sns.connections == connections
    client.close()


def test_a_lost_answer_is_one_request_whatever_the_environment_asks_for(sns: Sns, make_channel: MakeChannel) -> None:
    sns.behave(Behaviour.CUT)
    assert isinstance(send_one(make_channel()), Unknown)
    assert len(sns.received) == 1


def test_an_emulator_of_sns_accepts_it(ministack_server: MinistackServer, make_channel: MakeChannel) -> None:
    """An emulator that is not ours: it knows the API only."""
    number = f"+3519{uuid4().int % 10**8:08}"
    channel = make_channel(aws_sns_endpoint_url=ministack_server.url, sms_sender_id="Harbour")
    outcome = send_one(channel, "Olá", to=number)
    assert isinstance(outcome, Accepted)
    with urlopen(
        f"{ministack_server.url}/_ministack/sns/sms-messages?phoneNumber={quote(number)}", timeout=10
    ) as answer:
        told = json.load(answer)
    (sms,) = told["sms_messages"][number]
    assert (sms["MessageId"], sms["Message"]) == (outcome.message_id, "Olá")
    assert sms["MessageAttributes"]["AWS.SNS.SMS.SenderID"]["StringValue"] == "Harbour"
