"""Shards of prepared records."""

import re

import orjson
import pytest

from notifier.events import Event
from simulators.shared.errors import ApiError
from simulators.streams import StreamsModel
from simulators.streams.load.load import Load, Loaded
from simulators.streams.model.attributes import item_size
from simulators.streams.model.clock import DAY, START
from tests.simulators.streams.reader import HORIZON, described, is_open, item, read_all, records


def load(model: StreamsModel, **spec: object) -> Loaded:
    return model.load(Load(**{"shards": 3, "records_per_shard": 1500, **spec}))


def read(model: StreamsModel, loaded: Loaded) -> list[dict]:
    return [record for shard in loaded.shards for record in read_all(model, loaded.stream, shard)]


def test_every_record_is_a_different_event(model):
    found = read(model, load(model))
    events = [Event.from_record("activity", record) for record in found]
    assert len(events) == 4500
    assert len({event.id for event in events}) == 4500
    assert len({event.new["to"] for event in events}) == 4500
    assert len({(event.keys["pk"], event.keys["sk"]) for event in events}) == 4500
    assert {event.new["type"] for event in events} == {"friend_request", "profile_view", "job_application"}
    assert all(event.new["pk"] == event.keys["pk"] and event.name == "INSERT" for event in events)
    assert all(len(bytes.fromhex(event.id)) == 16 for event in events)


def test_the_records_are_those_of_acknowledged(model):
    loaded = load(model, records_per_shard=20)
    told = {(one.shard, one.sequence_number): one for one in model.acknowledged()}
    for shard in loaded.shards:
        for record in read_all(model, loaded.stream, shard):
            one = told.pop((shard, record["dynamodb"]["SequenceNumber"]))
            assert (one.event_id, one.key) == (record["eventID"], record["dynamodb"]["Keys"])
            assert int(one.created) == record["dynamodb"]["ApproximateCreationDateTime"]
    assert told == {}


@pytest.mark.parametrize("size", [300, 1024, 5000])
def test_items_are_as_large_as_they_should_be(model, size):
    loaded = load(model, records_per_shard=300, item_bytes=size)
    for record in read(model, loaded):
        change = record["dynamodb"]
        assert item_size(change["NewImage"]) == size
        assert change["SizeBytes"] == size + item_size(change["Keys"])


@pytest.mark.parametrize("ahead", [True, False])
def test_pages_hold_a_thousand_records_or_a_megabyte_from_any_place(model, ahead):
    small = load(model, shards=1, item_bytes=900, ahead=ahead)
    large = load(model, shards=1, table="large", item_bytes=3000, ahead=ahead)
    for loaded, size in ((small, 1000), (large, 343)):
        everything = read_all(model, loaded.stream, loaded.shards[0])
        assert len(everything) == 1500
        after = everything[777]["dynamodb"]["SequenceNumber"]
        page = model.get_records(
            model.get_shard_iterator(loaded.stream, loaded.shards[0], "AFTER_SEQUENCE_NUMBER", after)
        )
        assert page.count == min(size, 1500 - 778)
        assert records(page.body) == everything[778 : 778 + page.count]
        assert sum(record["dynamodb"]["SizeBytes"] for record in records(page.body)) <= 1024 * 1024


def test_a_record_is_the_same_whether_made_ahead_or_not():
    both = []
    for ahead in (True, False):
        model = StreamsModel()
        loaded = load(model, ahead=ahead)
        both.append(read(model, loaded))
        assert read(model, loaded) == both[-1]
    assert both[0] == both[1]


def test_records_are_released_at_a_rate(model):
    loaded = load(model, shards=4, records_per_shard=100, rate=40.0, closed=True)
    assert len(read(model, loaded)) == 1
    model.advance(2)
    assert len(read(model, loaded)) == 81
    assert all(is_open(shard) for shard in described(model, loaded.stream))
    model.advance(8)
    found = read(model, loaded)
    assert len(found) == len(model.acknowledged()) == 400
    assert not any(is_open(shard) for shard in described(model, loaded.stream))
    seconds = [record["dynamodb"]["ApproximateCreationDateTime"] - START for record in found]
    assert {second: seconds.count(second) for second in set(seconds)} == dict.fromkeys(range(10), 40)


def test_shards_exist_before_their_first_record(model):
    loaded = load(model, shards=2, records_per_shard=10, after=5.0, closed=True)
    assert len(described(model, loaded.stream)) == 2
    assert loaded.start == START + 5
    model.advance(4.9)
    assert read(model, loaded) == model.acknowledged() == []
    model.advance(0.1)
    assert len(read(model, loaded)) == 20


def test_the_sort_key_has_the_time_to_the_millisecond(model):
    loaded = load(model, shards=1, records_per_shard=3, rate=8.0)
    model.advance(1)
    assert [re.sub("#.*", "", record["dynamodb"]["Keys"]["sk"]["S"]) for record in read(model, loaded)] == [
        "2026-09-21T14:13:20.000+00:00",
        "2026-09-21T14:13:20.125+00:00",
        "2026-09-21T14:13:20.250+00:00",
    ]


def test_closed_shards_end_and_open_ones_do_not(model):
    for closed in (True, False):
        loaded = load(model, table=f"table-{closed}", shards=1, records_per_shard=10, closed=closed)
        page = model.get_records(model.get_shard_iterator(loaded.stream, loaded.shards[0], HORIZON))
        assert (page.count, page.next_iterator is None) == (10, closed)


def test_prepared_records_are_trimmed_too(model):
    loaded = load(model, shards=1, records_per_shard=100, rate=1.0)
    model.advance(DAY + 40)
    left = read(model, loaded)
    assert len(left) == 59
    first = model.acknowledged()[0].sequence_number
    with pytest.raises(ApiError, match="TrimmedDataAccessException"):
        model.get_shard_iterator(loaded.stream, loaded.shards[0], "AFTER_SEQUENCE_NUMBER", first)


def test_a_table_can_be_loaded_again_and_written_to_besides(model):
    arn = model.create_table("activity")
    first, second = (load(model, shards=2, records_per_shard=10) for _ in range(2))
    model.put("activity", [item(1)])
    assert first.stream == second.stream == arn
    everything = [record for shard in described(model, arn) for record in read_all(model, arn, shard["ShardId"])]
    assert len({orjson.dumps(record["dynamodb"]["Keys"]) for record in everything}) == 41
    assert len({record["eventID"] for record in everything}) == 41


def test_a_prepared_shard_takes_no_writes_and_has_no_children(model):
    loaded = load(model)
    with pytest.raises(ApiError, match="no shard that can be written to"):
        model.put("activity", [item(1)])
    with pytest.raises(ApiError, match="no more children"):
        model.split(loaded.shards[0])
    model.vanish(loaded.shards[0])
    assert len(described(model, loaded.stream)) == 2


def test_only_a_table_with_new_images_can_be_loaded(model):
    model.create_table("activity", view="KEYS_ONLY")
    with pytest.raises(ApiError, match="needs a stream of new images"):
        load(model)
