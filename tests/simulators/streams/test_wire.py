"""The process through boto3."""

import socket
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.simulators.streams.client import Reader, arn_of, client, iterator_of, shards_of
from tests.simulators.streams.reader import item, items


@pytest.fixture
def aws(server):
    made = client(server.url)
    yield made
    made.close()


def test_the_four_calls(server, aws):
    made = server.post("tables", table="activity", shards=2)
    written = server.post("put", table="activity", items=items(30))["records"]
    (stream,) = aws.list_streams(TableName="activity")["Streams"]
    assert (stream["StreamArn"], stream["TableName"]) == (made["stream"], "activity")

    description = aws.describe_stream(StreamArn=made["stream"])["StreamDescription"]
    assert description["StreamStatus"] == "ENABLED"
    assert isinstance(description["CreationRequestDateTime"], datetime)
    found = []
    for shard in description["Shards"]:
        page = aws.get_records(ShardIterator=iterator_of(aws, made["stream"], shard["ShardId"]))
        assert page["NextShardIterator"]
        found += page["Records"]
    assert sorted(record["eventID"] for record in found) == sorted(one["event_id"] for one in written)
    change = found[0]["dynamodb"]
    assert change["Keys"]["sk"] == {"S": "1"}
    assert change["ApproximateCreationDateTime"].astimezone(UTC).microsecond == 0
    assert change["SizeBytes"] > 0


def test_a_value_of_every_type_arrives(server, aws):
    server.post("tables", table="activity")
    wire = {
        "pk": {"S": "Zoë"},
        "sk": {"S": "1"},
        "n": {"N": "1.5"},
        "b": {"B": "AP8="},
        "ss": {"SS": ["a", "b"]},
        "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}]}}},
    }
    server.post("put", table="activity", items=[wire], wire=True)
    (record,) = Reader(aws).get()["Records"]
    assert record["dynamodb"]["NewImage"] == wire | {"b": {"B": b"\0\xff"}}


def test_a_delete_by_ttl_arrives(server, aws):
    server.post("tables", table="activity")
    server.post("put", table="activity", items=[item(1)])
    server.post("delete", table="activity", keys=[item(1)], by_ttl=True)
    assert Reader(aws).get()["Records"][1]["userIdentity"] == {
        "PrincipalId": "dynamodb.amazonaws.com",
        "Type": "Service",
    }


def test_the_end_of_a_shard_has_no_iterator_and_its_children_can_be_asked_for(server, aws):
    server.post("tables", table="activity")
    server.post("put", table="activity", items=items(3))
    reader = Reader(aws)
    children = server.post("split", shard=reader.shard)["children"]
    last = reader.get()
    assert len(last["Records"]) == 3
    assert "NextShardIterator" not in last
    asked = {"Type": "CHILD_SHARDS", "ShardId": reader.shard}
    found = aws.describe_stream(StreamArn=reader.arn, ShardFilter=asked)["StreamDescription"]["Shards"]
    assert [shard["ShardId"] for shard in found] == children


def test_more_shards_than_a_page_holds(server, aws):
    server.post("tables", table="activity", shards=150)
    arn = arn_of(aws)
    first = aws.describe_stream(StreamArn=arn)["StreamDescription"]
    last = first["LastEvaluatedShardId"]
    rest = aws.describe_stream(StreamArn=arn, ExclusiveStartShardId=last)["StreamDescription"]
    assert (len(first["Shards"]), len(rest["Shards"])) == (100, 50)
    assert "LastEvaluatedShardId" not in rest


def test_errors_have_the_names_that_boto3_knows(server, aws):
    server.post("tables", table="activity")
    (first,) = server.post("put", table="activity", items=[item(1)])["records"]
    reader = Reader(aws)
    errors = aws.exceptions
    with pytest.raises(errors.ResourceNotFoundException):
        iterator_of(aws, reader.arn, "shardId-00000000000000000001-deadbeef")
    with pytest.raises(ClientError, match="ValidationException"):
        reader.get(Limit=1001)
    with pytest.raises(ClientError, match="ValidationException"):
        iterator_of(aws, reader.arn, reader.shard, "AFTER_SEQUENCE_NUMBER")

    server.post("settings", calls_per_shard=0)
    with pytest.raises(errors.LimitExceededException):
        reader.get()
    server.post("settings", calls_per_shard=None)
    server.post("advance", seconds=15 * 60)
    with pytest.raises(errors.ExpiredIteratorException):
        reader.get()
    server.post("advance", seconds=24 * 3600)
    with pytest.raises(errors.TrimmedDataAccessException):
        iterator_of(aws, reader.arn, reader.shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=first["sequence_number"])


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("DynamoDBStreams_20120810.GetRecords", b"{", b"SerializationException"),
        ("DynamoDBStreams_20120810.GetRecords", b"[]", b"SerializationException"),
        ("DynamoDBStreams_20120810.GetRecords", b'{"ShardIterator":1}', b"SerializationException"),
        ("DynamoDBStreams_20120810.GetRecords", b"{}", b"ValidationException"),
        ("DynamoDBStreams_20120810.DescribeStream", b'{"StreamArn":null}', b"ValidationException"),
        ("DynamoDB_20120810.PutItem", b"{}", b"UnknownOperationException"),
        ("nothing", b"", b"UnknownOperationException"),
    ],
)
def test_a_malformed_request_is_refused(server, target, body, code):
    head = f"POST / HTTP/1.1\r\nx-AMZ-target: {target}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    parts = urlsplit(server.url)
    with closing(socket.create_connection((parts.hostname, parts.port), timeout=5)) as link:
        link.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert code in answer


def test_shards_are_shown_as_aws_shows_them(server, aws):
    server.post("reset", children_after_calls=1, parent_open_calls=1)
    server.post("tables", table="activity")
    arn = arn_of(aws)
    (before,) = shards_of(aws, arn)
    server.post("rotate", shard=before["ShardId"])
    assert shards_of(aws, arn) == [before]  # open still, and no child
    parent, child = shards_of(aws, arn)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert child["ParentShardId"] == before["ShardId"]
