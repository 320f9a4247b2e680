"""Shards that split, rotate or vanish, and how DescribeStream shows them."""

import re

import pytest

from simulators.shared.errors import ApiError
from simulators.streams import Behaviour, StreamsModel
from simulators.streams.model.clock import DAY, START
from tests.simulators.streams.reader import described, is_open, item, items, only_shard, read_all, shard_ids


def children_of(model: StreamsModel, arn: str, parent: str) -> list[str]:
    """The children of a shard, by the filter of DescribeStream."""
    asked = {"Type": "CHILD_SHARDS", "ShardId": parent}
    return [
        shard["ShardId"] for shard in model.describe_stream(arn, shard_filter=asked)["StreamDescription"]["Shards"]
    ]


def test_a_shard_id_has_the_time_of_creation(model, arn):
    assert re.fullmatch(r"shardId-0*1790000000000-[0-9a-f]{8}", only_shard(model, arn))


def test_an_empty_open_shard_has_a_starting_number(model, arn):
    (shard,) = described(model, arn)
    assert set(shard) == {"ShardId", "SequenceNumberRange"}
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}
    (first,) = model.put("activity", [item(1)])
    assert shard["SequenceNumberRange"]["StartingSequenceNumber"] == first.sequence_number


def test_a_split_closes_the_parent_and_opens_two_children(model, arn):
    written = model.put("activity", items(20))
    parent = only_shard(model, arn)
    children = model.split(parent)

    shards = {shard["ShardId"]: shard for shard in described(model, arn)}
    assert list(shards) == sorted([parent, *children])
    assert shards[parent]["SequenceNumberRange"]["EndingSequenceNumber"] == written[-1].sequence_number
    assert all(shards[child]["ParentShardId"] == parent and is_open(shards[child]) for child in children)
    assert children_of(model, arn, parent) == children

    later = model.put("activity", [item(number, n=2) for number in range(20)])
    assert {one.shard for one in later} == set(children)


def test_a_rotation_opens_one_child_for_the_same_keys(model):
    arn = model.create_table("activity", shards=4)
    before = {one.key["pk"]["S"]: one.shard for one in model.put("activity", items(100))}
    assert len(set(before.values())) == 4
    children = {shard: model.rotate(shard)[0] for shard in shard_ids(model, arn)}
    for one in model.put("activity", [item(number, n=2) for number in range(100)]):
        assert one.shard == children[before[one.key["pk"]["S"]]]


def test_a_key_stays_with_its_shard_or_a_child_of_it(model):
    arn = model.create_table("activity", shards=4)
    before = {one.key["pk"]["S"]: one.shard for one in model.put("activity", items(100))}
    first, _, third, _ = shard_ids(model, arn)
    children = {first: set(model.rotate(first)), third: set(model.split(third))}
    for one in model.put("activity", [item(number, n=2) for number in range(100)]):
        parent = before[one.key["pk"]["S"]]
        assert one.shard in children.get(parent, {parent})


def test_a_child_comes_after_its_parent_by_id_and_by_number(model, arn):
    chain = [only_shard(model, arn)]
    last = "0"
    for number in range(20):  # within one millisecond
        (one,) = model.put("activity", [item(1, n=number)])
        assert int(one.sequence_number) > int(last)
        last = one.sequence_number
        chain += model.rotate(chain[-1])
    assert shard_ids(model, arn) == chain


def test_a_closed_shard_cannot_split(model, arn):
    parent = only_shard(model, arn)
    model.rotate(parent)
    with pytest.raises(ApiError, match="no more children"):
        model.split(parent)
    with pytest.raises(ApiError, match="Shard does not exist"):
        model.split("shardId-00000000000000000000-00000000")


def test_an_empty_closed_shard_ends_where_it_starts(model, arn):
    model.rotate(only_shard(model, arn))
    parent, child = described(model, arn)
    numbers = parent["SequenceNumberRange"]
    assert numbers["EndingSequenceNumber"] == numbers["StartingSequenceNumber"]
    assert int(child["SequenceNumberRange"]["StartingSequenceNumber"]) > int(numbers["EndingSequenceNumber"])


def test_more_than_a_hundred_shards_come_in_pages(model):
    arn = model.create_table("activity", shards=250)
    sizes, after = [], None
    while True:
        page = model.describe_stream(arn, after=after)["StreamDescription"]
        sizes.append(len(page["Shards"]))
        after = page.get("LastEvaluatedShardId")
        if after is None:
            break
        assert after == page["Shards"][-1]["ShardId"]
    assert sizes == [100, 100, 50]
    assert shard_ids(model, arn) == sorted(set(shard_ids(model, arn)))


def test_a_page_may_be_smaller_and_begin_anywhere(model):
    arn = model.create_table("activity", shards=5)
    all_ids = shard_ids(model, arn)
    page = model.describe_stream(arn, limit=2, after=all_ids[1])["StreamDescription"]
    assert [shard["ShardId"] for shard in page["Shards"]] == all_ids[2:4]
    assert page["LastEvaluatedShardId"] == all_ids[3]
    assert model.describe_stream(arn, after=all_ids[-1])["StreamDescription"]["Shards"] == []
    assert "LastEvaluatedShardId" not in model.describe_stream(arn, limit=5)["StreamDescription"]


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_page_of_no_or_too_many_shards_is_refused(model, arn, limit):
    with pytest.raises(ApiError, match="ValidationException"):
        model.describe_stream(arn, limit=limit)
    with pytest.raises(ApiError, match="ValidationException"):
        model.list_streams(limit=limit)


@pytest.mark.parametrize("asked", [{"Type": "CHILD_SHARDS"}, {"Type": "ALL", "ShardId": "x"}, {"ShardId": "x"}])
def test_a_filter_that_aws_does_not_know_is_refused(model, arn, asked):
    with pytest.raises(ApiError, match="ShardFilter"):
        model.describe_stream(arn, shard_filter=asked)


def test_children_may_be_seen_late_by_seconds(model, arn):
    model.behaviour = Behaviour(children_after_seconds=30)
    parent = only_shard(model, arn)
    (child,) = model.rotate(parent)
    model.put("activity", [item(1)])
    assert children_of(model, arn, parent) == []
    assert not is_open(described(model, arn)[0])
    assert len(read_all(model, arn, child)) == 1  # it can be read by its id
    model.advance(30)
    assert shard_ids(model, arn) == [parent, child]


def test_children_may_be_seen_late_by_calls(model, arn):
    model.behaviour = Behaviour(children_after_calls=2)
    parent = only_shard(model, arn)
    model.split(parent)
    assert [len(children_of(model, arn, parent)) for _ in range(4)] == [0, 0, 2, 2]


def test_no_child_is_seen_before_its_parent(model, arn):
    chain = [only_shard(model, arn)]
    for seconds in (30, 0):
        model.behaviour = Behaviour(children_after_seconds=seconds)
        chain += model.rotate(chain[-1])
    assert shard_ids(model, arn) == chain[:1]
    model.advance(30)
    assert shard_ids(model, arn) == chain


def test_a_parent_may_be_shown_open_beside_its_child(model, arn):
    model.behaviour = Behaviour(parent_open_seconds=10, parent_open_calls=1)
    parent = only_shard(model, arn)
    model.rotate(parent)
    assert [is_open(shard) for shard in described(model, arn)] == [True, True]
    assert model.get_records(model.get_shard_iterator(arn, parent, "TRIM_HORIZON")).next_iterator is None
    model.advance(9)
    assert is_open(described(model, arn)[0])
    model.advance(1)
    assert not is_open(described(model, arn)[0])


def test_a_shard_that_vanishes_is_not_known_any_more(model, arn):
    shard = only_shard(model, arn)
    model.put("activity", items(3))
    iterator = model.get_shard_iterator(arn, shard, "TRIM_HORIZON")
    model.vanish(shard)

    (child,) = described(model, arn)
    assert child["ParentShardId"] == shard
    for ask in (lambda: model.get_records(iterator), lambda: model.get_shard_iterator(arn, shard, "LATEST")):
        with pytest.raises(ApiError, match=r"ResourceNotFoundException: .*Shard does not exist"):
            ask()


def test_a_day_after_its_end_a_shard_is_gone_and_its_child_still_names_it(model, arn):
    parent = only_shard(model, arn)
    (child,) = model.rotate(parent)
    model.advance(DAY - 1)
    assert shard_ids(model, arn) == [parent, child]
    model.advance(1)
    (left,) = described(model, arn)
    assert left["ParentShardId"] == parent
    assert children_of(model, arn, parent) == [child]
    with pytest.raises(ApiError, match="Shard does not exist"):
        model.get_shard_iterator(arn, parent, "TRIM_HORIZON")


def test_planned_actions_run_as_the_clock_advances(model, arn):
    parent = only_shard(model, arn)
    model.at(START + 100, lambda: model.put("activity", [item(1)]))
    model.at(START + 200, lambda: model.split(parent))
    model.advance(150)
    assert len(read_all(model, arn, parent)) == 1
    assert is_open(described(model, arn)[0])
    model.advance(100)
    assert len(shard_ids(model, arn)) == 3


def test_colliding_streams_have_the_same_shards_and_numbers():
    model = StreamsModel(Behaviour(collide=True))
    first, second = model.create_table("activity", shards=2), model.create_table("orders", shards=2)
    assert shard_ids(model, first) == shard_ids(model, second)
    written = model.put("activity", items(50)) + model.put("orders", items(50))
    assert len({(one.stream, one.shard, one.sequence_number) for one in written}) == 100
    assert len({one.sequence_number for one in written}) < 50
    assert len({one.event_id for one in written}) == 100
    with pytest.raises(ApiError, match="in 2 streams"):
        model.rotate(shard_ids(model, first)[0])
    assert len(model.rotate(shard_ids(model, first)[0], first)) == 1
