"""One suite over two implementations of DynamoDB Streams, through the bridge's client and through plain boto3.

Where they agree, a test of the bridge may use either. Where ministack is known not to do as AWS does, the test says
so and is expected to fail there: once it passes, the mark must go.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest

from bridge.stream.client import ShardGone, StreamRefused
from notifier.errors import DataTrimmed, Unreachable
from sandbox.embedded.streams import StreamsServer
from tests.bridge.stream.stream_backends import (
    Backend,
    Ministack,
    Reading,
    Simulated,
    client,
    code,
    item,
    items,
    numbers,
    users,
)

UNKNOWN_SHARD = "shardId-00000000000000000001-deadbeef"
NO_NUMBER = "000000000000000000000"

pytestmark = pytest.mark.usefixtures("aws_credentials")


@pytest.fixture(params=["simulator", "ministack"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "simulator":
        return Simulated(request.getfixturevalue("simulator"))
    return Ministack(request.getfixturevalue("ministack_server").url)


@pytest.fixture
def differs(request: pytest.FixtureRequest, backend: Backend) -> Callable[[str], None]:
    """Expect a failure on ministack, for a reason in which it differs from AWS."""

    def mark(reason: str) -> None:
        if isinstance(backend, Ministack):
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    return mark


@pytest.fixture
def reading(backend: Backend) -> Iterator[Reading]:
    with closing(client("dynamodbstreams", backend.url)) as aws:
        yield Reading(backend, aws)


# Listing.


def test_a_new_stream_has_one_open_shard(reading: Reading) -> None:
    description = reading.description()
    assert description["StreamStatus"] == "ENABLED"
    assert description["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert description["TableName"] == reading.backend.name
    assert description["KeySchema"][0] == {"AttributeName": "pk", "KeyType": "HASH"}
    assert f":table/{reading.backend.name}/stream/{description['StreamLabel']}" in reading.arn
    (shard,) = reading.streams.shards(reading.arn)
    assert (shard.parent_shard_id, shard.closed) == (None, False)


def test_a_shard_that_has_records_says_where_they_start(reading: Reading) -> None:
    reading.backend.put(items(3))
    (shard,) = reading.description()["Shards"]
    assert shard["SequenceNumberRange"] == {"StartingSequenceNumber": numbers(reading.get()["Records"])[0]}


def test_an_empty_shard_says_where_it_starts(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("StartingSequenceNumber only from the first record on")
    (shard,) = reading.description()["Shards"]
    assert shard["SequenceNumberRange"]["StartingSequenceNumber"].isdigit()


def test_listing_goes_on_after_a_shard(reading: Reading) -> None:
    answer = reading.aws.describe_stream(StreamArn=reading.arn, Limit=1, ExclusiveStartShardId=reading.shard)
    assert answer["StreamDescription"]["Shards"] == []
    assert "LastEvaluatedShardId" not in answer["StreamDescription"]


def test_a_shard_without_children_has_none(reading: Reading) -> None:
    assert reading.streams.children(reading.arn, reading.shard) == []


def test_a_table_without_a_stream_has_none(reading: Reading) -> None:
    assert reading.streams.streams("nobody-has-this") == []


# Reading.


def test_from_the_horizon_all_records_in_order(reading: Reading) -> None:
    reading.backend.put(items(40))
    page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None))
    assert users(page.records) == [f"user#{number}" for number in range(40)]
    assert [int(number) for number in numbers(page.records)] == sorted(map(int, set(numbers(page.records))))
    assert not page.full
    assert page.next_iterator
    assert reading.streams.records(page.next_iterator).records == []
    assert numbers(reading.get()["Records"]) == numbers(page.records)


def test_a_record_has_what_the_bridge_needs(reading: Reading) -> None:
    reading.backend.put([item(1, n=1)])
    reading.backend.put([item(1, n=2)])
    reading.backend.delete([item(1)])
    page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None))
    inserted, modified, removed = page.records
    assert [record["eventName"] for record in page.records] == ["INSERT", "MODIFY", "REMOVE"]
    assert {record["eventSource"] for record in page.records} == {"aws:dynamodb"}
    assert {record["awsRegion"] for record in page.records} == {"eu-west-1"}
    assert inserted["dynamodb"]["NewImage"] == {"pk": {"S": "user#1"}, "sk": {"S": "1"}, "n": {"N": "1"}}
    assert "OldImage" not in inserted["dynamodb"]
    assert modified["dynamodb"]["OldImage"] == inserted["dynamodb"]["NewImage"]
    assert "NewImage" not in removed["dynamodb"]
    for record in page.records:
        assert record["dynamodb"]["Keys"] == {"pk": {"S": "user#1"}, "sk": {"S": "1"}}
        assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert record["dynamodb"]["ApproximateCreationDateTime"] % 1 == 0
        assert 21 <= len(record["dynamodb"]["SequenceNumber"]) <= 40


def test_a_write_that_changes_nothing_has_no_record(reading: Reading) -> None:
    reading.backend.put([item(1, n=1)])
    reading.backend.put([item(1, n=1)])
    assert len(reading.get()["Records"]) == 1


def test_an_event_id_is_the_same_on_every_read(reading: Reading) -> None:
    reading.backend.put(items(5))
    first, second = (reading.get()["Records"] for _ in range(2))
    assert first == second
    assert len({record["eventID"] for record in first}) == 5


def test_an_event_id_is_32_hex_digits(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("a UUID with dashes")
    reading.backend.put(items(1))
    (record,) = reading.get()["Records"]
    assert len(record["eventID"]) == 32
    assert bytes.fromhex(record["eventID"])


def test_a_record_tells_its_size(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("SizeBytes is 0")
    reading.backend.put(items(1))
    assert reading.get()["Records"][0]["dynamodb"]["SizeBytes"] > 0


def test_after_a_number_what_follows(reading: Reading) -> None:
    reading.backend.put(items(12))
    everything = numbers(reading.get()["Records"])
    for place in (0, 8, 11):  # some numbers of the simulator have a digit more than those before them
        page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, everything[place]))
        assert numbers(page.records) == everything[place + 1 :]
    at = reading.get("AT_SEQUENCE_NUMBER", SequenceNumber=everything[5])
    assert numbers(at["Records"]) == everything[5:]


def test_reading_goes_on_where_it_was_broken_off(reading: Reading) -> None:
    reading.backend.put(items(10))
    first = reading.get(Limit=4)["Records"]
    reading.backend.put([item(number) for number in range(10, 15)])
    page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, numbers(first)[-1]))
    assert users(first) + users(page.records) == [f"user#{number}" for number in range(15)]


def test_an_iterator_can_be_asked_again(reading: Reading) -> None:
    reading.backend.put(items(5))
    iterator = reading.streams.iterator(reading.arn, reading.shard, None)
    first, again = (list(reading.streams.records(iterator).records) for _ in range(2))
    assert first == again


def test_what_is_written_between_two_pages_is_in_the_second(reading: Reading) -> None:
    iterator = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None)).next_iterator
    assert iterator
    reading.backend.put([item(1)])
    assert users(reading.streams.records(iterator).records) == ["user#1"]


def test_latest_is_what_comes_from_now_on(reading: Reading) -> None:
    reading.backend.put(items(3))
    iterator = reading.iterator("LATEST")
    reading.backend.put([item(9)])
    assert users(reading.streams.records(iterator).records) == ["user#9"]


def test_a_page_has_a_thousand_records_at_most(reading: Reading) -> None:
    reading.backend.put(items(1200))
    first = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None))
    assert first.next_iterator
    second = reading.streams.records(first.next_iterator)
    assert (len(first.records), len(second.records)) == (1000, 200)
    assert (first.full, second.full) == (True, False)


def test_a_page_has_a_megabyte_at_most(reading: Reading) -> None:
    reading.backend.put([item(number, text="x" * 100_000) for number in range(15)])
    iterator: str | None = reading.streams.iterator(reading.arn, reading.shard, None)
    sizes, found = [], []
    while iterator and len(found) < 15:
        page = reading.streams.records(iterator)
        found += users(page.records)
        sizes.append((len(page.records), page.full))
        iterator = page.next_iterator
    assert found == [f"user#{number}" for number in range(15)]
    assert sizes == [(10, True), (5, False)]


# Ends.


def test_a_stream_that_is_switched_off_ends_with_its_records(reading: Reading) -> None:
    reading.backend.put(items(3))
    reading.backend.disable()
    (shard,) = reading.streams.shards(reading.arn)
    page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None))
    assert shard.closed
    assert reading.description()["StreamStatus"] == "DISABLED"
    assert (len(page.records), page.next_iterator) == (3, None)
    assert "NextShardIterator" not in reading.get()


def test_a_closed_shard_says_its_last_number(reading: Reading) -> None:
    reading.backend.put(items(3))
    everything = numbers(reading.get()["Records"])
    reading.backend.disable()
    (shard,) = reading.description()["Shards"]
    first, last = everything[0], everything[-1]
    assert shard["SequenceNumberRange"] == {"StartingSequenceNumber": first, "EndingSequenceNumber": last}


def test_a_closed_shard_is_read_page_by_page_to_its_end(reading: Reading) -> None:
    reading.backend.put(items(5))
    reading.backend.disable()
    first = reading.get(Limit=3)
    page = reading.streams.records(first["NextShardIterator"])
    assert (len(first["Records"]), len(page.records), page.next_iterator) == (3, 2, None)
    resumed = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, numbers(page.records)[-1]))
    assert (resumed.records, resumed.next_iterator) == ([], None)


def test_an_iterator_from_before_the_end_goes_on_to_it(reading: Reading) -> None:
    reading.backend.put(items(2))
    page = reading.streams.records(reading.streams.iterator(reading.arn, reading.shard, None))
    reading.backend.put([item(9)])
    reading.backend.disable()
    assert page.next_iterator
    last = reading.streams.records(page.next_iterator)
    assert (users(last.records), last.next_iterator) == (["user#9"], None)


def test_a_closed_empty_shard_can_be_told_by_its_description(
    reading: Reading, differs: Callable[[str], None]
) -> None:
    differs("a shard without records has no numbers, so it looks open for ever")
    reading.backend.disable()
    (shard,) = reading.streams.shards(reading.arn)
    assert shard.closed


def test_a_stream_that_is_off_is_still_listed(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("a disabled stream is not in ListStreams")
    reading.backend.disable()
    assert reading.streams.streams(reading.backend.name) == [reading.arn]


def test_switched_on_again_it_is_another_stream(reading: Reading) -> None:
    reading.backend.put(items(2))
    reading.backend.disable()
    reading.backend.enable()
    reading.backend.put([item(9)])
    (again,) = set(reading.streams.streams(reading.backend.name)) - {reading.arn}
    (shard,) = reading.streams.shards(again)
    assert shard.parent_shard_id is None
    page = reading.streams.records(reading.streams.iterator(again, shard.shard_id, None))
    assert users(page.records) == ["user#9"]
    assert users(reading.get()["Records"]) == ["user#0", "user#1"]


# Errors.


def test_an_unknown_shard_is_gone(reading: Reading) -> None:
    with pytest.raises(ShardGone, match="Shard does not exist"):
        reading.streams.iterator(reading.arn, UNKNOWN_SHARD, None)


def test_an_unknown_stream_is_gone(reading: Reading) -> None:
    unknown = reading.arn.replace(reading.backend.name, "nobody-has-this")
    with pytest.raises(ShardGone):
        reading.streams.shards(unknown)
    with pytest.raises(ShardGone):
        reading.streams.iterator(unknown, reading.shard, None)


def test_a_stream_that_is_none_is_refused(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("ResourceNotFoundException for what is no ARN; AWS says ValidationException")
    with pytest.raises(StreamRefused):
        reading.streams.shards("sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf")


def test_an_unknown_iterator_is_refused(reading: Reading) -> None:
    with pytest.raises(StreamRefused):
        reading.streams.records("no iterator at all")


@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])
def test_a_number_that_is_missing_is_refused(reading: Reading, kind: str) -> None:
    assert code(lambda: reading.iterator(kind)) == "ValidationException"


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "LATEST"])
def test_a_number_too_many_is_refused(reading: Reading, kind: str, differs: Callable[[str], None]) -> None:
    differs("a number with TRIM_HORIZON or LATEST is accepted")
    reading.backend.put(items(1))
    (number,) = numbers(reading.get()["Records"])
    assert code(lambda: reading.iterator(kind, SequenceNumber=number)) == "ValidationException"


def test_a_way_to_begin_that_is_none_is_refused(reading: Reading) -> None:
    assert code(lambda: reading.iterator("AT_TIMESTAMP")) == "ValidationException"


def test_a_number_from_before_the_shard_is_trimmed(reading: Reading) -> None:
    reading.backend.put(items(1))
    with pytest.raises(DataTrimmed):
        reading.streams.iterator(reading.arn, reading.shard, NO_NUMBER)


def test_a_page_of_more_than_a_thousand_is_refused(reading: Reading, differs: Callable[[str], None]) -> None:
    differs("a limit above 1,000 is taken for 1,000; AWS says ValidationException")
    assert code(lambda: reading.get(Limit=1001)) == "ValidationException"


def test_a_page_of_none_is_refused(reading: Reading) -> None:
    with closing(client("dynamodbstreams", reading.backend.url, parameter_validation=False)) as unchecked:
        call = partial(unchecked.get_records, ShardIterator=reading.iterator(), Limit=0)
        assert code(call) == "ValidationException"


# What only the simulator can be told; the bridge must understand it all the same.


@pytest.fixture
def simulated(simulator: StreamsServer) -> Iterator[Reading]:
    backend = Simulated(simulator)
    with closing(client("dynamodbstreams", backend.url)) as aws:
        yield Reading(backend, aws)
    simulator.post("reset")


def test_the_bridge_sees_children(simulated: Reading, simulator: StreamsServer) -> None:
    children = simulator.post("split", shard=simulated.shard)["children"]
    shards = simulated.streams.shards(simulated.arn)
    assert [(shard.shard_id, shard.parent_shard_id, shard.closed) for shard in shards] == [
        (simulated.shard, None, True),
        *((child, simulated.shard, False) for child in children),
    ]
    assert simulated.streams.children(simulated.arn, simulated.shard) == shards[1:]


def test_the_bridge_lists_all_pages(simulated: Reading, simulator: StreamsServer) -> None:
    arn = simulator.post("tables", table="many", shards=250)["stream"]
    assert len({shard.shard_id for shard in simulated.streams.shards(arn)}) == 250


def test_the_bridge_gets_an_error_for_trimmed_records(simulated: Reading, simulator: StreamsServer) -> None:
    simulated.backend.put(items(3))
    iterator = simulated.iterator()
    (first, *_) = numbers(simulated.get()["Records"])
    simulator.post("advance", seconds=24 * 3600)
    with pytest.raises(DataTrimmed):
        simulated.streams.iterator(simulated.arn, simulated.shard, first)
    assert iterator
    fresh = simulated.streams.iterator(simulated.arn, simulated.shard, None)
    assert simulated.streams.records(fresh).records == []


def test_half_a_page_is_no_page(simulated: Reading, simulator: StreamsServer) -> None:
    simulated.backend.put(items(3))
    iterator = simulated.streams.iterator(simulated.arn, simulated.shard, None)
    simulator.add_faults({"kind": "truncated", "body": "broken", "times": 1})
    with pytest.raises(Unreachable):
        simulated.streams.records(iterator).read()
    assert len(simulated.streams.records(iterator).records) == 3
