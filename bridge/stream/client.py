"""DynamoDB Streams, as a few questions. The one module of the bridge that talks to AWS.

Records stay in the JSON of the wire: a model layer for every attribute would cost more than all the rest of the
bridge, so the body of GetRecords is taken before botocore parses it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from notifier.errors import DataTrimmed, NotifierError, SettingsError, Unreachable
from notifier.outbox import records as wire
from notifier.routes.views import NEW_AND_OLD_IMAGES, View
from notifier.settings import Settings

PAGE_LIMIT = 1_000
_FULL_BYTES = 600_000  # of the limit of 1 MB: the next record, which may have 400 KB, did not fit
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
    """The iterator is older than 15 minutes: get another one."""


class ShardGone(NotifierError):
    """DynamoDB does not know the shard, or not yet."""


class StreamThrottled(NotifierError):
    """DynamoDB asks us to slow down."""


class StreamRefused(NotifierError):
    """DynamoDB will never answer this: permissions or a wrong parameter."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as DescribeStream shows it."""

    shard_id: str
    parent_shard_id: str | None
    closed: bool


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Up to 1,000 records, or 1 MB. No `next_iterator`: the shard has ended, and these are its last records."""

    records: list[dict[str, Any]]
    next_iterator: str | None
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether there is surely more: the page is at one of its limits."""
        return len(self.records) >= PAGE_LIMIT or self.size >= _FULL_BYTES

    def read(self) -> "RecordPage":
        return self


class UnreadPage:
    """The body of GetRecords as it came: what is read from it takes ten times the memory. Read when first asked."""

    def __init__(self, body: bytes, source: str) -> None:
        self._body = body
        self._source = source
        self._page: RecordPage | None = None
        self.size = len(body)

    @property
    def records(self) -> list[dict[str, Any]]:
        return self.read().records

    @property
    def next_iterator(self) -> str | None:
        return self.read().next_iterator

    @property
    def full(self) -> bool:
        return self.read().full

    def read(self) -> RecordPage:
        """Raises Unreachable where it is no JSON."""
        if self._page is None:
            try:
                read = wire.parse(self._body)
            except ValueError as error:
                raise Unreachable(f"the answer of DynamoDB Streams at {self._source} is no JSON: {error}") from None
            self._page = RecordPage(read.get("Records", []), read.get("NextShardIterator"), self.size)
        return self._page


class StreamsClient:
    """The streams of an account and Region."""

    def __init__(self, settings: Settings) -> None:
        self._where = settings.endpoint("dynamodb") or "AWS"
        try:
            self._client = boto3.client(
                "dynamodbstreams",
                region_name=settings.aws_region or None,
                endpoint_url=settings.endpoint("dynamodb"),
                config=_configuration(settings.shard_lease_seconds),
            )
        except NoRegionError:
            raise SettingsError("no AWS region: set NOTIFIER_AWS_REGION or AWS_DEFAULT_REGION") from None
        except ValueError as error:
            raise SettingsError(f"the DynamoDB endpoint is wrong: {error}") from None
        self._client.meta.events.register("before-parse.dynamodb-streams.GetRecords", _keep_body)

    def streams(self, table: str) -> list[str]:
        """The ARNs of the table's streams: the one that is on, and those that were and can still be read."""
        found: list[str] = []
        options = {"TableName": table}
        while True:
            with self._listing():
                answer = self._client.list_streams(**options)
            found += [each["StreamArn"] for each in answer["StreamsClient"]]
            if not (last := answer.get("LastEvaluatedStreamArn")):
                return found
            options["ExclusiveStartStreamArn"] = last

    def is_on(self, arn: str) -> bool:
        """Whether the stream still takes records."""
        with self._listing():
            status = self._client.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]["StreamStatus"]
        return bool(status in ("ENABLING", "ENABLED"))

    def view(self, arn: str) -> View:
        """What the records of the stream carry."""
        with self._listing():
            answer = self._client.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]
        keys = frozenset(each["AttributeName"] for each in answer.get("KeySchema", []))
        return View(arn, answer.get("StreamViewType", NEW_AND_OLD_IMAGES), keys)

    def shards(self, arn: str) -> list[Shard]:
        """All shards of a stream, page by page, oldest first."""
        return self._describe(arn)

    def children(self, arn: str, shard_id: str) -> list[Shard]:
        """The shards that follow a shard which has ended; none until DynamoDB shows them."""
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
        """One call that lists, and the pause after it. Whoever calls has the lock for all bridges, see ShardTree: so
        the next one, whichever bridge makes it, comes no sooner.
        """
        try:
            with self._errors():
                yield
        finally:
            time.sleep(_LISTING_PAUSE)

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str:
        """Where to read: after that sequence number, or from the oldest record that is left."""
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
        """The next page. It may be empty long before the shard's end."""
        with self._errors():
            answer = self._client.get_records(ShardIterator=iterator, Limit=PAGE_LIMIT)
        return UnreadPage(answer["Body"], self._where)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise _named(error) from error
        except NoCredentialsError:
            raise StreamRefused("no AWS credentials: give this process a role, or set AWS_ACCESS_KEY_ID") from None
        except BotoCoreError as error:
            raise Unreachable(
                f"no answer from DynamoDB Streams at {self._where}: {error}. Is the endpoint right and reachable?"
            ) from error


def _configuration(lease_seconds: float) -> Config:
    """A hung call must not outlive a lease, and the reader does its own waiting: one attempt, and a short one."""
    return Config(
        connect_timeout=min(_LONGEST_CONNECT, lease_seconds / 5),
        read_timeout=min(_LONGEST_READ, lease_seconds / 3),
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=64,
        tcp_keepalive=True,
    )


def _keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    if response_dict["status_code"] == 200:  # noqa: PLR2004
        customized_response_dict["Body"] = response_dict["body"]
        response_dict["body"] = b"{}"


def _shard(described: dict[str, Any]) -> Shard:
    numbers = described.get("SequenceNumberRange", {})
    return Shard(described["ShardId"], described.get("ParentShardId"), "EndingSequenceNumber" in numbers)


def _named(error: ClientError) -> NotifierError:
    code = error.response.get("Error", {}).get("Code", "")
    text = f"{code}: {error.response.get('Error', {}).get('Message', '')}"
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
