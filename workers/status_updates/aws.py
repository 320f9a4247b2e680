"""Event buses of EventBridge, topics of SNS and queues of SQS as destinations, each by its ARN."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from notifier.aws import AwsError, aws_client, aws_errors, aws_session
from notifier.errors import NotifierError
from notifier.outcomes import discreet
from notifier.settings import Settings
from notifier.status_updates.arn import Arn
from workers.status_updates.destination import OutgoingUpdate

_CONNECT_SECONDS, _ANSWER_SECONDS = 3, 10
_LOOK_AGAIN_SECONDS = 60.0
_ONE_BY_ONE_SECONDS = 30.0
"""How long updates of a batch that was refused are sent one by one; the rest are sent again later."""
_SOURCE, _DETAIL_TYPE = "notifier", "Notification Status Update"
_ABSENT = "ResourceNotFoundException"
_ABOUT_CONTENT = frozenset(
    (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "BatchRequestTooLong",
        "InvalidMessageContents",
        "InvalidParameter",
        "InvalidParameterValue",
        "ValidationError",
        "ValidationException",
    )
)
"""Codes with which a whole request is refused although one of its updates may be the cause."""


class _AwsDestination:
    """What the three have in common: batches of ten, sent one by one if AWS refuses the batch as a whole."""

    batch: ClassVar[int] = 10
    concurrency: ClassVar[int] = 4

    def __init__(self, arn: Arn, client: Any) -> None:
        self.name = arn.text
        self._arn = arn
        self._client = client

    def send(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        try:
            with aws_errors(self.name):
                return self._request(updates)
        except NotifierError as error:
            if isinstance(error, AwsError) and error.code in _ABOUT_CONTENT and len(updates) > 1:
                return self._one_by_one(updates, discreet(str(error)))
            return [discreet(str(error))] * len(updates)

    def close(self) -> None:
        self._client.close()

    def _one_by_one(self, updates: Sequence[OutgoingUpdate], error: str) -> list[str | None]:
        """Send what was refused together; `error` is why. Slow answers must not outlast the claim of the updates."""
        until = time.monotonic() + _ONE_BY_ONE_SECONDS
        return [self.send([each])[0] if time.monotonic() < until else error for each in updates]

    def _request(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        raise NotImplementedError


class EventBridgeDestination(_AwsDestination):
    """An event bus. EventBridge accepts events for a bus that does not exist, so it is looked up once a minute."""

    def __init__(self, arn: Arn, settings: Settings) -> None:
        session = aws_session(settings, arn.region)
        super().__init__(arn, aws_client("events", settings, session=session, **_limits(self.concurrency)))
        self._look_at = 0.0

    def _request(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        if time.monotonic() >= self._look_at:
            self._look_up()
            self._look_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        entries = [
            {
                "EventBusName": self.name,
                "Source": _SOURCE,
                "DetailType": _DETAIL_TYPE,
                "Time": each.at,
                "Detail": each.body,
            }
            for each in updates
        ]
        answer = self._client.put_events(Entries=entries)
        return [
            f"{each['ErrorCode']}: {discreet(each.get('ErrorMessage', ''))}" if each.get("ErrorCode") else None
            for each in answer["Entries"]
        ]

    def _look_up(self) -> None:
        """Raise AwsError if there is no such bus. Emulators know a bus by its name only."""
        try:
            with aws_errors(self.name):
                self._client.describe_event_bus(Name=self.name)
        except AwsError as error:
            if error.code != _ABSENT:
                raise
            found = self._client.describe_event_bus(Name=self._arn.resource.removeprefix("event-bus/"))
            if found["Arn"] != self.name:
                raise


class SnsDestination(_AwsDestination):
    """An SNS topic; a FIFO one keeps the order of each notification."""

    def __init__(self, arn: Arn, settings: Settings) -> None:
        session = aws_session(settings, arn.region)
        super().__init__(arn, aws_client("sns", settings, session=session, **_limits(self.concurrency)))

    def _request(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        entries = _entries(updates, "Message", ordered=self._arn.is_ordered)
        answer = self._client.publish_batch(TopicArn=self.name, PublishBatchRequestEntries=entries)
        return _failures(answer, len(updates))


class SqsDestination(_AwsDestination):
    """An SQS queue; a FIFO one keeps the order of each notification."""

    def __init__(self, arn: Arn, settings: Settings) -> None:
        session = aws_session(settings, arn.region)
        super().__init__(arn, aws_client("sqs", settings, session=session, **_limits(self.concurrency)))
        self._url = arn.queue_url(settings.endpoint("sqs"))

    def _request(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        entries = _entries(updates, "MessageBody", ordered=self._arn.is_ordered)
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        return _failures(answer, len(updates))


def _limits(connections: int) -> dict[str, Any]:
    """One request each: what fails is sent again from the outbox, so that a stop need not wait for the SDK."""
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _ANSWER_SECONDS,
        "attempts": 1,
        "connections": connections,
    }


def _entries(updates: Sequence[OutgoingUpdate], body: str, *, ordered: bool) -> list[dict[str, str]]:
    return [
        {"Id": str(number), body: each.body}
        | ({"MessageGroupId": str(each.group), "MessageDeduplicationId": str(each.id)} if ordered else {})
        for number, each in enumerate(updates)
    ]


def _failures(answer: Mapping[str, Any], count: int) -> list[str | None]:
    failed = {each["Id"]: f"{each['Code']}: {discreet(each.get('Message', ''))}" for each in answer.get("Failed", ())}
    return [failed.get(str(number)) for number in range(count)]
