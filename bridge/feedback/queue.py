"""The SQS queue with SES's events. The one module of feedback that talks to AWS."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from notifier.errors import SettingsError, Unreachable
from notifier.settings import Settings

MOST_AT_ONCE = 10
_LONGEST_POLL = 20
_OF_AWS = re.compile(r"sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_ATTRIBUTES = ["SentTimestamp", "ApproximateReceiveCount"]
_COUNTS = [f"ApproximateNumberOfMessages{where}" for where in ("", "NotVisible", "Delayed")]
_ABSENT = frozenset(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"))


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message that is ours until its visibility ends. `age` is the seconds that it had been in the queue when it
    came; `receives` counts how often it has.
    """

    body: str
    receipt: str
    age: float = 0.0
    receives: int = 1


class FeedbackQueue:
    """Safe to share between threads. What is received and not deleted comes again after `visibility` seconds."""

    def __init__(self, settings: Settings, *, connections: int = 10) -> None:
        """Raises SettingsError."""
        self._url = settings.feedback_queue_url
        self.visibility = settings.visibility_seconds
        if not self._url:
            raise SettingsError("NOTIFIER_FEEDBACK_QUEUE_URL is not set: the SQS queue that gets SES's events")
        where = urlsplit(self._url)
        if where.scheme not in ("http", "https") or not where.hostname or not where.path.strip("/"):
            raise SettingsError("NOTIFIER_FEEDBACK_QUEUE_URL is not the URL of a queue, as the AWS console shows it")
        of_aws = _OF_AWS.fullmatch(where.hostname)
        self._client = _client(settings, of_aws[1] if of_aws else None, connections)

    def check(self) -> None:
        """Raises SettingsError where there is no such queue for us, Unreachable where SQS does not answer."""
        try:
            with self._errors():
                self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        except Unreachable as error:
            if isinstance(cause := error.__cause__, ClientError) and _code(cause) in _ABSENT:
                raise SettingsError(f"there is no queue {self._url}: is NOTIFIER_FEEDBACK_QUEUE_URL right?") from None
            raise

    def receive(self, wait_seconds: int) -> list[QueueMessage]:
        """Up to ten messages. With a wait, all of SQS's servers are asked; without, some. Raises Unreachable."""
        with self._errors():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MOST_AT_ONCE,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=self.visibility,
                MessageSystemAttributeNames=_ATTRIBUTES,
            )
        now = _now(answer)
        return [_message(each, now) for each in answer.get("Messages", ())]

    def delete(self, messages: Sequence[QueueMessage]) -> int:
        """Answers how many SQS did not delete: those come again. Raises Unreachable."""
        left = 0
        for start in range(0, len(messages), MOST_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": each.receipt}
                for number, each in enumerate(messages[start : start + MOST_AT_ONCE])
            ]
            with self._errors():
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            left += len(answer.get("Failed", ()))
        return left

    def depth(self) -> int:
        """About how many messages the queue has, those in anybody's hands included. Raises Unreachable."""
        with self._errors():
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=_COUNTS)
        return sum(int(answer["Attributes"][name]) for name in _COUNTS)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            said = error.response.get("Error", {}).get("Message", "")
            raise Unreachable(f"SQS refuses: {_code(error)}: {said}") from error
        except NoCredentialsError:
            raise Unreachable("no AWS credentials: give this process a role, or set AWS_ACCESS_KEY_ID") from None
        except BotoCoreError as error:
            raise Unreachable(
                f"no answer from SQS for {self._url}: {error}. Is the endpoint right and reachable?"
            ) from error


def _client(settings: Settings, region: str | None, connections: int) -> Any:
    config = Config(
        connect_timeout=3,
        read_timeout=_LONGEST_POLL + 5,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=connections,
        tcp_keepalive=True,
    )
    try:
        return boto3.client(
            "sqs",
            region_name=region or settings.aws_region or None,
            endpoint_url=settings.endpoint("sqs"),
            config=config,
        )
    except NoRegionError:
        raise SettingsError("no AWS region: set NOTIFIER_AWS_REGION or AWS_DEFAULT_REGION") from None
    except ValueError as error:
        raise SettingsError(f"the SQS endpoint is wrong: {error}") from None


def _now(answer: dict[str, Any]) -> float:
    """By SQS's own clock, to the second: this machine's may be wrong, and an old message must not look fresh."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).timestamp() if date else time.time()


def _message(received: dict[str, Any], now: float) -> QueueMessage:
    facts = received.get("Attributes", {})
    sent_at = int(facts.get("SentTimestamp", 0)) / 1000
    return QueueMessage(
        received["Body"], received["ReceiptHandle"], now - sent_at, int(facts.get("ApproximateReceiveCount", 1))
    )


def _code(error: ClientError) -> str:
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
