"""Event buses, topics and queues of an emulator, and a receiver of webhooks, get what is sent to them."""

import base64
import hmac
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from notifier.errors import SettingsError
from notifier.settings import Settings
from sandbox.embedded.ministack import MinistackServer
from sandbox.system import CREDENTIALS
from tests.conftest import GivenServer
from tests.waiting import wait_until
from tests.workers.channels.wire import Wire, hang, plain, serve
from workers.status_updates import aws as aws_destinations
from workers.status_updates import webhook
from workers.status_updates.destination import Destination, OutgoingUpdate
from workers.status_updates.sender import LEASE_SECONDS
from workers.status_updates.wiring import destination_of

REGION, ACCOUNT = "eu-west-1", "000000000000"
SECRET = base64.b64encode(b"k" * 32).decode()


class Aws:
    """Clients of the emulator, and queues of this test's own."""

    def __init__(self, url: str) -> None:
        self._session = boto3.Session(*CREDENTIALS.values(), region_name=REGION)
        self.url = url
        self.sqs, self.sns, self.events = (self.client(each) for each in ("sqs", "sns", "events"))

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.url)

    def queue(self, suffix: str = "") -> str:
        name = f"updates-{uuid.uuid4().hex[:8]}{suffix}"
        fifo = {"FifoQueue": "true"} if suffix else {}
        self.sqs.create_queue(QueueName=name, Attributes=fifo)
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def received(self, queue: str, count: int) -> list[dict[str, Any]]:
        """The messages of a queue, once there are so many."""
        url = self.sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            answer = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
            )
            for each in answer.get("Messages", ()):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
                found.append(each)
            return len(found) >= count

        wait_until(enough, 20.0)
        return found


@pytest.fixture
def aws(ministack_server: MinistackServer | GivenServer, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return Aws(ministack_server.url)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as server:
        server.behave = plain(204, b"")
        yield server


Opened = Callable[..., Destination]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens destinations, and closes them at the end of the test."""
    with ExitStack() as stack:

        def open_(name: str, **given: Any) -> Destination:
            return stack.enter_context(closing(destination_of(name, settings(**given))))

        yield open_


def settings(**given: Any) -> Settings:
    values = {"database_url": "postgresql://nowhere", "broker_url": "redis://nowhere", "webhook_allow_private": True}
    return Settings.model_validate({**values, "status_secret": SecretStr(f"whsec_{SECRET}"), **given})


def outgoing(count: int, group: uuid.UUID | None = None) -> list[OutgoingUpdate]:
    return [
        OutgoingUpdate(
            uuid.uuid4(), group or uuid.uuid4(), datetime.now(UTC), json.dumps({"n": n, "key": "\u00e9\uffff"})
        )
        for n in range(count)
    ]


def test_a_queue_gets_every_update_of_a_batch(opened: Opened, aws: Aws) -> None:
    queue = aws.queue()
    sent = outgoing(10)
    assert opened(queue, aws_endpoint_url=aws.url).send(sent) == [None] * 10
    assert sorted(each["Body"] for each in aws.received(queue, 10)) == sorted(each.body for each in sent)


def test_a_fifo_queue_keeps_the_order_of_a_notification_and_drops_what_comes_twice(opened: Opened, aws: Aws) -> None:
    queue = aws.queue(".fifo")
    destination = opened(queue, aws_endpoint_url=aws.url)
    sent = outgoing(4, uuid.uuid4())
    for each in (sent[0], sent[0], *sent[1:]):
        assert destination.send([each]) == [None]
    found = aws.received(queue, 4)
    assert [each["Body"] for each in found] == [each.body for each in sent]
    assert {each["Attributes"]["MessageGroupId"] for each in found} == {str(sent[0].group)}


def test_a_topic_passes_updates_on(opened: Opened, aws: Aws) -> None:
    queue = aws.queue()
    topic = aws.sns.create_topic(Name=f"updates-{uuid.uuid4().hex[:8]}")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    sent = outgoing(3)
    assert opened(topic, aws_endpoint_url=aws.url).send(sent) == [None] * 3
    assert sorted(each["Body"] for each in aws.received(queue, 3)) == sorted(each.body for each in sent)


def test_a_rule_of_an_event_bus_matches_the_document(opened: Opened, aws: Aws) -> None:
    queue, name = aws.queue(), f"updates-{uuid.uuid4().hex[:8]}"
    bus = aws.events.create_event_bus(Name=name)["EventBusArn"]
    pattern = {"source": ["notifier"], "detail-type": ["Notification Status Update"], "detail": {"n": [1, 2]}}
    aws.events.put_rule(Name="some", EventBusName=name, EventPattern=json.dumps(pattern))
    aws.events.put_targets(Rule="some", EventBusName=name, Targets=[{"Id": "1", "Arn": queue}])
    sent = outgoing(3)
    assert opened(bus, aws_endpoint_url=aws.url).send(sent) == [None] * 3
    details = [json.loads(each["Body"])["detail"] for each in aws.received(queue, 2)]
    assert sorted(each["n"] for each in details) == [1, 2]


@pytest.mark.parametrize("resource", ["events:{}:event-bus/none", "sns:{}:none", "sqs:{}:none"])
def test_what_does_not_exist_accepts_nothing(opened: Opened, aws: Aws, resource: str) -> None:
    arn = "arn:aws:" + resource.format(f"{REGION}:{ACCOUNT}")
    answers = opened(arn, aws_endpoint_url=aws.url).send(outgoing(2))
    assert len(answers) == 2
    assert all(answers)


def test_a_service_that_does_not_answer_accepts_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    wire.behave = plain(500, b"")
    queue = opened(f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", aws_endpoint_url=wire.url)
    assert all(queue.send(outgoing(2)))
    assert len(wire.requests) == 1  # the SDK sends it once: the outbox tries again


def test_a_batch_that_is_refused_as_a_whole_is_sent_one_by_one(
    opened: Opened, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = aws.queue()
    destination = opened(queue, aws_endpoint_url=aws.url)
    large = OutgoingUpdate(uuid.uuid4(), uuid.uuid4(), datetime.now(UTC), "x" * 1_100_000)
    good = outgoing(2)
    answers = destination.send([good[0], large, good[1]])
    assert [answer is None for answer in answers] == [True, False, True]
    assert len(aws.received(queue, 2)) == 2


class SlowRefusals:
    """A client of AWS, each call of which takes as long as it may, and ends with an error about the content."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def close(self) -> None:
        """It has no connection."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            self.now += aws_destinations._CONNECT_SECONDS + aws_destinations._ANSWER_SECONDS
            raise ClientError({"Error": {"Code": "ValidationException"}}, name)

        return call


@pytest.mark.parametrize("resource", ["events:{}:event-bus/slow", "sns:{}:slow", "sqs:{}:slow"])
def test_a_claim_outlasts_the_slowest_round(monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with closing(destination_of("arn:aws:" + resource.format(f"{REGION}:{ACCOUNT}"), settings())) as destination:
        slow = SlowRefusals()
        monkeypatch.setattr(aws_destinations, "time", slow)
        monkeypatch.setattr(destination, "_client", slow)
        answers = destination.send(outgoing(destination.batch))
    assert len(answers) == destination.batch
    assert all(answers)
    assert slow.now < LEASE_SECONDS - 10


def test_a_webhook_is_signed_and_has_the_id_of_the_update(opened: Opened, wire: Wire) -> None:
    (update,) = outgoing(1)
    assert opened(f"{wire.url}/updates").send([update]) == [None]
    (request,) = wire.requests
    assert request.head["webhook-id"] == request.head["Idempotency-Key"] == str(update.id)
    signed = f"{update.id}.{request.head['webhook-timestamp']}.".encode() + request.raw
    digest = base64.b64encode(hmac.digest(b"k" * 32, signed, "sha256")).decode()
    assert request.head["webhook-signature"] == f"v1,{digest}"
    assert request.raw.decode() == update.body


@pytest.mark.parametrize(
    "behave", [plain(500, b"oops"), plain(404, b""), plain(429, b""), hang], ids=["500", "404", "429", "hangs"]
)
def test_a_webhook_that_does_not_answer_with_2xx_accepts_nothing(
    opened: Opened, wire: Wire, behave: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUTS", webhook.Timeouts(0.2, 0.2))
    wire.behave = behave
    (answer,) = opened(wire.url).send(outgoing(1))
    assert answer
    assert wire.url not in answer


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("arn:aws:s3:::bucket", {}, "not the ARN of an event bus"),
        ("arn:aws:events:eu-west-1:000000000000:rule/x", {}, "not the ARN of an event bus"),
        ("https://product.example/updates", {"status_secret": None}, "NOTIFIER_STATUS_SECRET is not set"),
        (
            "https://product.example/updates",
            {"status_secret": SecretStr("whsec_x")},
            "a secret is not base64; make one: echo whsec_",
        ),
        ("http://product.example/updates", {"webhook_allow_private": False}, "does not start with https://"),
        ("https://me:secret@product.example/updates", {}, "without user, password and query"),
        ("https://product.example/updates?key=secret@1", {}, "NOTIFIER_STATUS_DESTINATIONS: "),
        ("https//me:secret@product.example", {}, "not the ARN of an event bus"),
    ],
)
def test_a_wrong_destination_is_named(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        destination_of(name, settings(**given))
    assert said in str(refused.value)
    assert "secret@" not in str(refused.value)
