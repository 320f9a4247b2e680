"""The client of DynamoDB Streams against an emulator over HTTP."""

import uuid
from collections.abc import Iterator

import boto3
import pytest

from bridge.startup_checks import check_tables
from bridge.stream.client import ShardGone, StreamRefused, StreamsClient, StreamThrottled
from bridge.stream.held_shards import margin
from bridge.stream.page import UnreadPage
from notifier.errors import SettingsError, Unreachable
from sandbox.table import EventTable
from tests.bridge.stream.stream_backends import settings

pytestmark = pytest.mark.usefixtures("aws_credentials")


@pytest.fixture
def table(ministack_server: object) -> Iterator[EventTable]:
    made = EventTable(settings(ministack_server.url), f"activity-{uuid.uuid4().hex[:8]}")  # type: ignore[attr-defined]
    made.create()
    return made


@pytest.fixture
def streams(ministack_server: object) -> StreamsClient:
    return StreamsClient(settings(ministack_server.url))  # type: ignore[attr-defined]


def test_a_shard_is_read_page_by_page(table: EventTable, streams: StreamsClient) -> None:
    items = [{"pk": f"user#{n}", "sk": "1", "n": n, "raw": b"\0\xff", "tags": {"a", "b"}} for n in range(40)]
    assert len(list(table.write(items))) == 40
    (arn,) = streams.streams(table.name)
    (shard,) = streams.shards(arn)

    first = streams.records(streams.iterator(arn, shard.shard_id, None))
    assert [record["dynamodb"]["NewImage"]["n"] for record in first.records] == [{"N": str(n)} for n in range(40)]
    assert first.records[0]["dynamodb"]["NewImage"]["raw"] == {"B": "AP8="}  # as on the wire
    assert first.next_iterator
    assert streams.records(first.next_iterator).records == []

    middle = first.records[24]["dynamodb"]["SequenceNumber"]
    rest = streams.records(streams.iterator(arn, shard.shard_id, middle))
    assert list(rest.records) == first.records[25:]


def test_a_stream_that_was_switched_off_ends(
    table: EventTable, streams: StreamsClient, ministack_server: object
) -> None:
    list(table.write([{"pk": "user#1", "sk": "1"}]))
    (arn,) = streams.streams(table.name)
    client = boto3.client("dynamodb", endpoint_url=ministack_server.url, region_name="eu-west-1")  # type: ignore[attr-defined]
    client.update_table(TableName=table.name, StreamSpecification={"StreamEnabled": False})

    (shard,) = streams.shards(arn)
    page = streams.records(streams.iterator(arn, shard.shard_id, None))

    assert shard.closed
    assert len(page.records) == 1
    assert page.next_iterator is None


def test_what_does_not_exist_has_a_name(table: EventTable, streams: StreamsClient) -> None:
    (arn,) = streams.streams(table.name)
    with pytest.raises(ShardGone):
        streams.iterator(arn, "shardId-00000000000000000001-deadbeef", None)
    with pytest.raises(StreamRefused):
        streams.records("no iterator at all")
    with pytest.raises(SettingsError, match="'nobody' has no stream"):
        check_tables(streams, (table.name, "nobody"))
    with pytest.raises(SettingsError, match="NOTIFIER_TABLES is not set"):
        check_tables(streams, ())


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"up"', b'{"status":"up"}', b'{"Records":[', b"\x1f\x8b"])
def test_an_answer_without_records_does_not_end_the_shard(body: bytes) -> None:
    """Some proxy answered: a page without the next iterator would be the last one of the shard."""
    with pytest.raises(Unreachable, match="DynamoDB Streams at here"):
        UnreadPage(body, "here").read()


class Busy:
    def streams(self, table: str) -> list[str]:
        raise StreamThrottled("Rate exceeded")


def test_a_start_among_many_is_not_put_off_by_throttling() -> None:
    check_tables(Busy(), ("activity",))  # type: ignore[arg-type]


@pytest.mark.parametrize("lease", [1.5, 4.0, 15.0, 60.0])
def test_a_hung_call_ends_before_the_lease_does(lease: float) -> None:
    options = settings("http://127.0.0.1:1").model_copy(update={"shard_lease_seconds": lease})
    config = StreamsClient(options)._client.meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout < lease - margin(lease)


def test_an_endpoint_that_does_not_answer() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        StreamsClient(settings("http://127.0.0.1:1")).streams("activity")
