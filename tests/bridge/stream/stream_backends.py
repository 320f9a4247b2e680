"""Two implementations of DynamoDB Streams for the same tests: our simulator, and ministack."""

import uuid
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bridge.stream.client import StreamsClient
from notifier.settings import Settings
from sandbox.embedded.streams import StreamsServer
from sandbox.system import local_session
from sandbox.table import EventTable

REGION = "eu-west-1"
Items = Sequence[dict[str, Any]]


class Backend(Protocol):
    """A table `name` with a stream that has one shard."""

    name: str
    url: str

    def put(self, items: Items) -> None: ...
    def delete(self, keys: Items) -> None: ...
    def disable(self) -> None: ...
    def enable(self) -> None: ...


def settings(url: str) -> Settings:
    return Settings.model_validate(
        {
            "database_url": "postgresql://nobody@127.0.0.1:1/none",
            "broker_url": "redis://127.0.0.1:1/0",
            "aws_endpoint_url": url,
            "aws_region": REGION,
        }
    )


@cache
def session() -> boto3.Session:
    """Return one session for all tests: making it parses the service models."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


def client(service: str, url: str, **config: Any) -> Any:
    """Return a client that sends each request once."""
    return session().client(
        service,
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def new_name() -> str:
    return f"activity-{uuid.uuid4().hex[:8]}"


class Simulated:
    """The simulator, driven by its control commands."""

    def __init__(self, server: StreamsServer) -> None:
        self.name, self.url = new_name(), server.url
        self._server = server
        server.post("tables", table=self.name)

    def put(self, items: Items) -> None:
        self._server.post("put", table=self.name, items=items)

    def delete(self, keys: Items) -> None:
        self._server.post("delete", table=self.name, keys=keys)

    def disable(self) -> None:
        self._server.post("disable", table=self.name)

    def enable(self) -> None:
        self._server.post("enable", table=self.name)


class Ministack:
    """Ministack, driven by the calls of DynamoDB that an application makes."""

    def __init__(self, url: str) -> None:
        self.name, self.url = new_name(), url
        self._client = client("dynamodb", url)
        self._table = EventTable(settings(url), self.name, local_session(settings(url)))
        self._table.create()

    def put(self, items: Items) -> None:
        list(self._table.write(items))

    def delete(self, keys: Items) -> None:
        for key in keys:
            wire = {name: {"S": value} for name, value in key.items()}
            self._client.delete_item(TableName=self.name, Key=wire)

    def disable(self) -> None:
        self._client.update_table(TableName=self.name, StreamSpecification={"StreamEnabled": False})

    def enable(self) -> None:
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self._client.update_table(TableName=self.name, StreamSpecification=stream)


class Reading:
    """The stream of a backend's table, read by our client and by plain boto3."""

    def __init__(self, backend: Backend, aws: Any) -> None:
        self.backend = backend
        self.aws = aws
        self.streams = StreamsClient(settings(backend.url))
        (self.arn,) = self.streams.streams(backend.name)
        (shard,) = self.streams.shards(self.arn)
        self.shard = shard.shard_id

    def iterator(self, kind: str = "TRIM_HORIZON", **more: str) -> str:
        answer = self.aws.get_shard_iterator(StreamArn=self.arn, ShardId=self.shard, ShardIteratorType=kind, **more)
        return str(answer["ShardIterator"])

    def get(self, kind: str = "TRIM_HORIZON", **more: Any) -> dict[str, Any]:
        """Return one page, read by boto3."""
        limit = {"Limit": more.pop("Limit")} if "Limit" in more else {}
        page: dict[str, Any] = self.aws.get_records(ShardIterator=self.iterator(kind, **more), **limit)
        return page

    def description(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.aws.describe_stream(StreamArn=self.arn)["StreamDescription"]
        return answer


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"pk": f"user#{number}", "sk": "1", **more}


def items(count: int) -> list[dict[str, Any]]:
    return [item(number) for number in range(count)]


def users(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]


def numbers(records: list[dict[str, Any]]) -> list[str]:
    return [record["dynamodb"]["SequenceNumber"] for record in records]


def code(call: Callable[[], object]) -> str:
    """Return the code of the error that boto3 raises."""
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])
