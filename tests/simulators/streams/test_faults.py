"""Each fault as the reader sees it. None loses records: the same iterator can be used again."""

from collections.abc import Iterator
from contextlib import closing
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.simulators.streams.client import Reader, client, shards_of
from tests.simulators.streams.reader import items


@pytest.fixture
def records(server) -> None:
    server.post("tables", table="activity")
    server.post("put", table="activity", items=items(3))


@pytest.fixture
def reader(server, records) -> Iterator[Reader]:
    with closing(client(server.url)) as aws:
        yield Reader(aws)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "cut"}, ConnectionClosedError),
        ({"kind": "lost"}, ConnectionClosedError),
        ({"kind": "truncated"}, ConnectionClosedError),
    ],
)
def test_the_answer_does_not_arrive(server, reader, fault, error):
    server.add_faults(fault | {"times": 1})
    with pytest.raises(error):
        reader.get()
    assert len(reader.get()["Records"]) == 3


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "slow", "seconds": 3600}])
def test_the_answer_comes_too_late(server, reader, fault):
    server.add_faults(fault | {"times": 1})
    with closing(client(server.url, read_timeout=0.2)) as impatient, pytest.raises(ReadTimeoutError):
        impatient.get_records(ShardIterator=reader.iterator)
    assert len(reader.get()["Records"]) == 3


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"kind": "throttle"}, "ThrottlingException", 400),
        ({"kind": "throttle", "code": "LimitExceededException"}, "LimitExceededException", 400),
        ({"kind": "error"}, "InternalServerError", 500),
        ({"kind": "error", "code": "ServiceUnavailable", "status": 503}, "ServiceUnavailable", 503),
        ({"kind": "refuse"}, "AccessDeniedException", 400),
        ({"kind": "expired"}, "ExpiredIteratorException", 400),
        ({"kind": "trimmed"}, "TrimmedDataAccessException", 400),
        ({"kind": "not_found"}, "ResourceNotFoundException", 400),
    ],
)
def test_the_answer_is_an_error(server, reader, fault, code, status):
    server.add_faults(fault | {"times": 1})
    with pytest.raises(ClientError) as raised:
        reader.get()
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert len(reader.get()["Records"]) == 3


def test_the_answer_is_half_a_page(server, reader):
    server.add_faults({"kind": "truncated", "body": "broken", "times": 1})
    assert "Records" not in reader.get()  # boto3 reads malformed JSON as an empty response
    assert len(reader.get()["Records"]) == 3


def test_a_page_is_empty_and_what_follows_is_not(server, reader):
    server.add_faults({"kind": "empty", "times": 1})
    shards_of(reader.aws, reader.arn)  # the rule is not for other calls
    page = reader.get()
    assert page["Records"] == []
    reader.iterator = page["NextShardIterator"]
    assert len(reader.get()["Records"]) == 3


def test_a_slow_answer_comes_after_all(server, reader):
    server.add_faults({"kind": "slow", "seconds": 0.05})
    assert len(reader.get()["Records"]) == 3


def test_a_slow_answer_may_be_an_error(server, reader):
    server.add_faults({"kind": "slow", "seconds": 0.05})
    with pytest.raises(ClientError, match="ValidationException"):
        reader.get(Limit=1001)


def test_each_third_call_and_no_more_than_twice(server, reader):
    server.add_faults({"kind": "throttle", "every": 3, "times": 2})
    outcomes = []
    for _ in range(12):
        try:
            reader.get()
            outcomes.append(".")
        except ClientError:
            outcomes.append("x")
    assert "".join(outcomes) == "..x..x......"


@pytest.mark.parametrize(
    ("match", "fails"),
    [
        ({"operation": "GetRecords"}, True),
        ({"operation": "DescribeStream"}, False),
        ({"shard": "shardId-*"}, True),
        ({"shard": "shardId-0-*"}, False),
        ({"table": "activity"}, True),
        ({"table": "orders"}, False),
        ({"operation": "Get*", "table": "act*"}, True),
    ],
)
def test_a_rule_can_be_for_some_calls(server, reader, match, fails):
    server.add_faults({"kind": "error", "match": match})
    if fails:
        with pytest.raises(ClientError):
            reader.get()
    else:
        reader.get()


def test_listing_fails_too(server, reader):
    server.add_faults({"kind": "error", "match": {"operation": "*S*", "table": "activity", "shard": ""}})
    for ask in (
        lambda: shards_of(reader.aws, reader.arn),
        lambda: reader.aws.list_streams(TableName="activity"),
    ):
        with pytest.raises(ClientError, match="InternalServerError"):
            ask()


def test_the_plan_can_be_read_and_cleared(server, reader):
    (rule,) = server.add_faults({"kind": "slow", "seconds": 0, "times": 5, "match": {"table": "activity"}})
    assert rule == {
        "kind": "slow",
        "times": 5,
        "every": 1,
        "match": {"table": "activity"},
        "seen": 0,
        "fired": 0,
        "seconds": 0,
    }
    reader.get()
    assert server.get("faults")[0]["fired"] == 1
    server.clear_faults()
    reader.get()
    assert server.get("counts")["faults"] == {"slow": 1}


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "unknown"},
        {"kind": ["slow"]},
        {"kind": "slow", "secs": 1},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": "1"},
        {"kind": "throttle", "every": 0},
        {"kind": "throttle", "times": 0},
        {"kind": "throttle", "match": {"subject": "x"}},
        {"kind": "throttle", "match": {"shard": 1}},
        {"kind": "truncated", "body": "half"},
        "throttle",
    ],
)
def test_a_wrong_rule_is_refused_and_none_is_added(server, rule):
    with pytest.raises(HTTPError) as raised:
        server.add_faults({"kind": "throttle"}, rule)
    with raised.value as answer:
        assert answer.status == 400
    assert server.get("faults") == []
