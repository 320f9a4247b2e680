"""The client of DynamoDB Streams.

GetRecords is called without the SDK's own layers, and its answers stay as they come over the wire: parsing each
attribute into a model would cost more than all the rest of the bridge.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from bridge.stream.page import PAGE_LIMIT, UnreadPage
from notifier.aws import AwsError, NoCredentials, aws_client, aws_errors, aws_session
from notifier.aws_http.json_calls import JsonCalls
from notifier.errors import DataTrimmed, NotifierError, Unreachable
from notifier.routes.views import NEW_AND_OLD_IMAGES, View
from notifier.settings import Settings

_LISTING_PAUSE = 0.15  # DescribeStream: 10 a second for the whole account; ListStreams: 5
_LONGEST_CONNECT, _LONGEST_READ = 3.0, 5.0
_THROTTLES = frozenset(
    (
        "LimitExceededException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
    )
)
_REFUSALS = frozenset(
    (
        "AccessDeniedException",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "ExpiredTokenException",
        "MissingAuthenticationTokenException",
        "ValidationException",
    )
)


class IteratorExpired(NotifierError):
    """The iterator is older than 15 minutes: another one is needed."""


class ShardGone(NotifierError):
    """DynamoDB does not know the shard or stream; a new shard may be listed before it can be read."""


class StreamThrottled(NotifierError):
    """DynamoDB refused a call because there were too many."""


class StreamRefused(NotifierError):
    """DynamoDB refused a call that it would refuse again: permissions, credentials, or a wrong parameter."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as DescribeStream shows it."""

    shard_id: str
    parent_shard_id: str | None
    closed: bool


class StreamsClient:
    """Lists and reads the streams of an account and Region. Safe to share between threads.

    Methods raise Unreachable if AWS does not answer, StreamRefused, StreamThrottled, ShardGone, and where an iterator
    is used IteratorExpired and DataTrimmed.
    """

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError. A call ends well before a lease does, and is sent once: the reader tries again."""
        self._where = settings.endpoint("dynamodb") or "AWS"
        lease, session = settings.shard_lease_seconds, aws_session(settings)
        self._client = aws_client(
            "dynamodbstreams",
            settings,
            connect_timeout=min(_LONGEST_CONNECT, lease / 5),
            read_timeout=min(_LONGEST_READ, lease / 3),
            session=session,
        )
        self._calls = JsonCalls(self._client, session, "get_records", ShardIterator="-")

    def streams(self, table: str) -> list[str]:
        """Return the ARNs of the table's streams: the one that is on, and older ones that can still be read."""
        found: list[str] = []
        options = {"TableName": table}
        while True:
            with self._listing():
                answer = self._client.list_streams(**options)
            found += [each["StreamArn"] for each in answer["Streams"]]
            if not (last := answer.get("LastEvaluatedStreamArn")):
                return found
            options["ExclusiveStartStreamArn"] = last

    def is_on(self, arn: str) -> bool:
        """Return whether the stream takes records."""
        with self._listing():
            status = self._client.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]["StreamStatus"]
        return bool(status in ("ENABLING", "ENABLED"))

    def view(self, arn: str) -> View:
        """Return which images the records of the stream have."""
        with self._listing():
            answer = self._client.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]
        keys = frozenset(each["AttributeName"] for each in answer.get("KeySchema", []))
        return View(arn, answer.get("StreamViewType", NEW_AND_OLD_IMAGES), keys)

    def shards(self, arn: str) -> list[Shard]:
        """Return all shards of a stream, oldest first."""
        return self._describe(arn)

    def children(self, arn: str, shard_id: str) -> list[Shard]:
        """Return the children of a shard that has ended; none until DynamoDB lists them."""
        return self._describe(arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": shard_id})

    def _describe(self, arn: str, **options: Any) -> list[Shard]:
        found: list[Shard] = []
        while True:
            with self._listing():
                answer = self._client.describe_stream(StreamArn=arn, **options)["StreamDescription"]
            found += [_shard(each) for each in answer["Shards"]]
            if not (last := answer.get("LastEvaluatedShardId")):
                return found
            options["ExclusiveStartShardId"] = last

    @contextmanager
    def _listing(self) -> Iterator[None]:
        """Around one call that lists, with a pause after it. The caller has the turn to list among all bridges (see
        `ShardTree.listing_turn`), so this paces the calls of all of them.
        """
        try:
            with self._errors():
                yield
        finally:
            time.sleep(_LISTING_PAUSE)

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str:
        """Return an iterator after that sequence number, or, for None, from the oldest record that is left."""
        start = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
            if after
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        with self._errors():
            answer = self._client.get_shard_iterator(StreamArn=arn, ShardId=shard_id, **start)
        found: str = answer["ShardIterator"]
        return found

    def records(self, iterator: str) -> UnreadPage:
        """Return the page at an iterator. It may be empty although records follow."""
        with self._errors():
            body = self._calls.call("GetRecords", orjson.dumps({"ShardIterator": iterator, "Limit": PAGE_LIMIT}))
        return UnreadPage(body, self._where)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with aws_errors(f"DynamoDB Streams at {self._where}"):
                yield
        except AwsError as error:
            raise _named(error) from error
        except NoCredentials as error:
            raise StreamRefused(str(error)) from None


def _shard(described: dict[str, Any]) -> Shard:
    numbers = described.get("SequenceNumberRange", {})
    return Shard(described["ShardId"], described.get("ParentShardId"), "EndingSequenceNumber" in numbers)


def _named(error: AwsError) -> NotifierError:
    code, text = error.code, str(error)
    if code == "ExpiredIteratorException":
        return IteratorExpired(text)
    if code == "TrimmedDataAccessException":
        return DataTrimmed(text)
    if code == "ResourceNotFoundException":
        return ShardGone(text)
    if code in _THROTTLES:
        return StreamThrottled(text)
    if code in _REFUSALS:
        return StreamRefused(text)
    return Unreachable(text)
