"""The model with the interface of bridge.stream.client.Streams."""

import pytest

from bridge.stream.client import IteratorExpired, Shard, ShardGone, StreamRefused, StreamThrottled
from notifier.errors import DataTrimmed, Unreachable
from simulators.streams import Behaviour, StreamsModel
from simulators.streams.model.clock import DAY
from tests.simulators.streams.in_process import InProcessStreams
from tests.simulators.streams.reader import items


@pytest.fixture
def source(model: StreamsModel, arn: str) -> InProcessStreams:
    return InProcessStreams(model)


def test_the_four_operations(source, model, arn):
    written = model.put("activity", items(30))
    (shard,) = source.shards(arn)
    assert source.streams("activity") == [arn]
    assert shard == Shard(shard.shard_id, None, closed=False)

    page = source.records(source.iterator(arn, shard.shard_id, None))
    assert [record["eventID"] for record in page.records] == [one.event_id for one in written]
    assert source.records(page.next_iterator).records == []
    rest = source.records(source.iterator(arn, shard.shard_id, written[9].sequence_number))
    assert rest.records == page.records[10:]

    (child,) = model.rotate(shard.shard_id)
    assert source.shards(arn) == [
        Shard(shard.shard_id, None, closed=True),
        Shard(child, shard.shard_id, closed=False),
    ]
    assert source.children(arn, shard.shard_id) == [Shard(child, shard.shard_id, closed=False)]
    assert source.records(page.next_iterator).next_iterator is None


def test_shards_of_all_pages(source, model):
    arn = model.create_table("orders", shards=250)
    assert len(source.shards(arn)) == 250


def test_errors_are_those_of_the_bridge(source, model, arn):
    (one,) = model.put("activity", items(1))
    iterator = source.iterator(arn, one.shard, None)
    with pytest.raises(ShardGone):
        source.iterator(arn, "shardId-00000000000000000001-deadbeef", None)
    with pytest.raises(StreamRefused):
        source.records("no iterator at all")
    model.behaviour = Behaviour(calls_per_shard=0)
    with pytest.raises(StreamThrottled):
        source.records(iterator)
    model.advance(15 * 60)
    with pytest.raises(IteratorExpired):
        source.records(iterator)
    model.advance(DAY)
    with pytest.raises(DataTrimmed):
        source.iterator(arn, one.shard, one.sequence_number)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("throttle", StreamThrottled),
        ("expired", IteratorExpired),
        ("trimmed", DataTrimmed),
        ("not_found", ShardGone),
        ("refuse", StreamRefused),
        ("error", Unreachable),
        ("cut", Unreachable),
        ("lost", Unreachable),
        ("hang", Unreachable),
        ("truncated", Unreachable),
    ],
)
def test_faults_are_errors_too(source, model, arn, kind, error):
    model.put("activity", items(3))
    (shard,) = source.shards(arn)
    iterator = source.iterator(arn, shard.shard_id, None)
    source.plan.add([{"kind": kind, "times": 1, "match": {"operation": "GetRecords", "table": "activity"}}])
    source.shards(arn)
    with pytest.raises(error):
        source.records(iterator)
    assert len(source.records(iterator).records) == 3


def test_an_empty_page_comes_in_between(source, model, arn):
    model.put("activity", items(3))
    (shard,) = source.shards(arn)
    source.plan.add([{"kind": "empty", "times": 2}])
    iterator, seen = source.iterator(arn, shard.shard_id, None), []
    for _ in range(3):
        page = source.records(iterator)
        seen.append(len(page.records))
        iterator = page.next_iterator
    assert seen == [0, 0, 3]
