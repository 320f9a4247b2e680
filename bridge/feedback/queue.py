"""The SQS queue with the events of SES and of AWS End User Messaging."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from notifier.aws import AwsError, aws_client, aws_errors, aws_session
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
    """A message that no other receiver gets until its visibility timeout ends. `age`: the seconds it had been in the
    queue when it was received; `receives`: how often it has been received.
    """

    body: str
    receipt: str
    age: float = 0.0
    receives: int = 1


class FeedbackQueue:
    """Receives and deletes messages. Safe to share between threads. A message that is received and not deleted comes
    again after `visibility` seconds.
    """

    def __init__(self, settings: Settings, *, connections: int = 10) -> None:
        """Raise SettingsError if the queue's URL, the Region or the endpoint is missing or wrong."""
        self.trouble = ""
        """In one line why SQS did not answer last; empty where it did."""
        self._url = settings.feedback_queue_url
        self.visibility = settings.visibility_seconds
        if not self._url:
            raise SettingsError("NOTIFIER_FEEDBACK_QUEUE_URL is not set: the SQS queue that gets SES's events")
        where = urlsplit(self._url)
        if where.scheme not in ("http", "https") or not where.hostname or not where.path.strip("/"):
            raise SettingsError("NOTIFIER_FEEDBACK_QUEUE_URL is not the URL of a queue, as the AWS console shows it")
        of_aws = _OF_AWS.fullmatch(where.hostname)
        self._client = aws_client(
            "sqs",
            settings,
            connect_timeout=3,
            read_timeout=_LONGEST_POLL + 5,
            attempts=2,
            connections=connections,
            session=aws_session(settings, of_aws[1] if of_aws else ""),
        )

    def check(self) -> None:
        """Raise SettingsError if there is no such queue, Unreachable if SQS does not answer or refuses."""
        try:
            with self._errors():
                self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        except Unreachable as error:
            if isinstance(cause := error.__cause__, AwsError) and cause.code in _ABSENT:
                raise SettingsError(f"there is no queue {self._url}: is NOTIFIER_FEEDBACK_QUEUE_URL right?") from None
            raise

    def receive(self, wait_seconds: int) -> list[QueueMessage]:
        """Return up to ten messages. With a wait SQS asks all its servers, without only some. Raise Unreachable."""
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
        """Delete these; return how many SQS did not delete: those come again. Raise Unreachable."""
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
        """Return about how many messages the queue has, received and delayed ones included. Raise Unreachable."""
        with self._errors():
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=_COUNTS)
        return sum(int(answer["Attributes"][name]) for name in _COUNTS)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with aws_errors(f"SQS for {self._url}"):
                yield
            self.trouble = ""
        except AwsError as error:
            self.trouble = f"SQS refuses: {error}"
            raise Unreachable(self.trouble) from error
        except Unreachable as error:
            self.trouble = str(error)
            raise


def _now(answer: dict[str, Any]) -> float:
    """Return the time by SQS's clock, to the second: if this machine's is wrong, an old message must not look new."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).timestamp() if date else time.time()


def _message(received: dict[str, Any], now: float) -> QueueMessage:
    facts = received.get("Attributes", {})
    sent_at = int(facts.get("SentTimestamp", 0)) / 1000
    return QueueMessage(
        received["Body"], received["ReceiptHandle"], now - sent_at, int(facts.get("ApproximateReceiveCount", 1))
    )
