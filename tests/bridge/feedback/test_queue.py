"""The feedback queue against an SQS over HTTP."""

import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from bridge.feedback.queue import FeedbackQueue
from notifier.errors import SettingsError, Unreachable
from notifier.settings import Settings
from sandbox.embedded.ministack import MinistackServer
from tests.conftest import GivenServer
from tests.waiting import wait_until


class Here(Settings):
    """Settings with the given values only, and nothing from environment variables."""

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[Any, ...]:
        return (sources["init_settings"],)


def settings(url: str, **more: Any) -> Settings:
    given = {
        "database_url": "postgresql://nobody",
        "broker_url": "redis://nobody",
        "feedback_queue_url": url,
        "aws_region": "eu-west-1",
    }
    return Here(**{**given, **more})


pytestmark = pytest.mark.usefixtures("aws_credentials")


@pytest.fixture
def sqs(ministack_server: MinistackServer | GivenServer) -> Iterator[Any]:
    client = boto3.client("sqs", endpoint_url=ministack_server.url, region_name="eu-west-1")
    yield client
    client.close()


@pytest.fixture
def url(sqs: Any) -> str:
    made: str = sqs.create_queue(QueueName=f"feedback-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    return made


@pytest.fixture
def queue(ministack_server: MinistackServer | GivenServer, url: str) -> Iterator[FeedbackQueue]:
    queue = FeedbackQueue(settings(url, aws_endpoint_url=ministack_server.url, visibility_seconds=1))
    yield queue
    queue.close()


def test_what_is_deleted_is_gone_and_what_is_not_comes_again(queue: FeedbackQueue, sqs: Any, url: str) -> None:
    queue.check()
    for number in range(25):
        sqs.send_message(QueueUrl=url, MessageBody=f"ü {number}")
    came = [message for _ in range(3) for message in queue.receive(1)]
    assert sorted(message.body for message in came) == sorted(f"ü {number}" for number in range(25))
    assert {message.receives for message in came} == {1}
    assert all(-1 < message.age < 60 for message in came)

    assert queue.delete(came[:20]) == 0

    again: list[Any] = []
    wait_until(lambda: again.extend(queue.receive(1)) or len(again) >= 5)
    assert {message.body for message in again} == {message.body for message in came[20:]}
    assert {message.receives for message in again} == {2}


def test_what_sqs_does_not_delete_is_counted(queue: FeedbackQueue, sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    came = queue.receive(1)
    assert queue.delete(came) == 0
    assert queue.delete(came) == 1


def test_the_depth_counts_received_and_delayed_messages(queue: FeedbackQueue, sqs: Any, url: str) -> None:
    assert queue.depth() == 0
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=f"{number}", DelaySeconds=60 * (number == 2))
    assert queue.depth() == 3
    came = queue.receive(1)
    assert queue.depth() == 3
    assert queue.delete(came) == 0
    assert queue.depth() == 1


def test_an_empty_queue_returns_nothing_after_the_wait(queue: FeedbackQueue) -> None:
    assert queue.receive(1) == []


@pytest.mark.parametrize("url", ["", "ses-events", "arn:aws:sqs:eu-west-1:1:q", "http://", "http://sqs.local/"])
def test_what_is_no_queue(url: str) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_FEEDBACK_QUEUE_URL"):
        FeedbackQueue(settings(url))


def test_a_queue_that_is_not_there(ministack_server: MinistackServer | GivenServer) -> None:
    url = f"{ministack_server.url}/000000000000/none"
    queue = FeedbackQueue(settings(url, aws_endpoint_url=ministack_server.url))
    with pytest.raises(SettingsError, match="there is no queue"):
        queue.check()
    with pytest.raises(Unreachable, match="NonExistentQueue"):
        queue.receive(1)
    queue.close()


def test_a_server_that_does_not_answer() -> None:
    queue = FeedbackQueue(settings("http://127.0.0.1:1/1/q", aws_endpoint_url="http://127.0.0.1:1"))
    with pytest.raises(Unreachable, match="endpoint right and reachable"):
        queue.check()
    queue.close()


def test_the_region_is_that_of_the_queue() -> None:
    queue = FeedbackQueue(settings("https://sqs.ap-southeast-2.amazonaws.com/123456789012/ses-events"))
    assert queue._client.meta.region_name == "ap-southeast-2"
    queue.close()


@pytest.mark.parametrize("wrong", [-3_600.0, 3_600.0])
def test_how_old_a_message_is_does_not_depend_on_our_clock(
    queue: FeedbackQueue, sqs: Any, url: str, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    monkeypatch.setattr("bridge.feedback.queue.time", SimpleNamespace(time=lambda: time.time() + wrong))
    (message,) = wait_until(lambda: queue.receive(1))
    assert -2 < message.age < 60
