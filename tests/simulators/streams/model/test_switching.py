"""Streams that are disabled and enabled, and tables that are created and dropped."""

import pytest

from simulators.shared.errors import ApiError
from simulators.streams import Behaviour
from simulators.streams.model.clock import DAY
from tests.simulators.streams.reader import described, is_open, item, items, only_shard, read_all


def arns(model, table: str | None = None) -> list[str]:
    return [stream["StreamArn"] for stream in model.list_streams(table)["Streams"]]


def status(model, arn: str) -> str:
    return model.describe_stream(arn)["StreamDescription"]["StreamStatus"]


def test_a_description_has_all_members_of_aws(model, arn):
    description = model.describe_stream(arn)["StreamDescription"]
    shards = description.pop("Shards")
    label = arn.partition("/stream/")[2]
    assert description == {
        "StreamArn": arn,
        "StreamLabel": label,
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "CreationRequestDateTime": model.clock.now(),
        "TableName": "activity",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    }
    assert len(shards) == 1
    assert label == "2026-09-21T14:13:20.000"


def test_a_stream_that_is_off_has_closed_shards_that_can_be_read_for_a_day(model):
    arn = model.create_table("activity", shards=3)
    model.put("activity", items(30))
    model.disable("activity")
    shards = described(model, arn)

    assert status(model, arn) == "DISABLED"
    assert not any(is_open(shard) for shard in shards)
    assert sum(len(read_all(model, arn, shard["ShardId"])) for shard in shards) == 30
    assert model.put("activity", [item(99)]) == []
    model.advance(DAY)
    with pytest.raises(ApiError, match="ResourceNotFoundException"):
        model.describe_stream(arn)
    assert arns(model) == []


def test_switched_on_again_it_is_another_stream(model, arn):
    model.put("activity", [item(1)])
    model.disable("activity")
    again = model.enable("activity")  # within the same millisecond
    model.put("activity", [item(2)])

    assert again != arn
    assert sorted(arns(model, "activity")) == sorted([arn, again])
    assert [len(read_all(model, one, only_shard(model, one))) for one in (arn, again)] == [1, 1]
    assert "ParentShardId" not in described(model, again)[0]


def test_a_stream_that_is_off_may_be_left_out_of_the_list(model, arn):
    model.behaviour = Behaviour(list_disabled=False)
    model.disable("activity")
    assert arns(model, "activity") == []
    assert status(model, arn) == "DISABLED"


def test_a_table_that_is_dropped_leaves_its_stream_for_a_day(model, arn):
    model.put("activity", [item(1)])
    model.drop_table("activity")
    assert len(read_all(model, arn, only_shard(model, arn))) == 1
    again = model.create_table("activity")
    assert again != arn
    assert [one.event_name for one in model.put("activity", [item(1)])] == ["INSERT"]


def test_streams_of_several_tables_come_in_pages(model):
    made = [model.create_table(f"table-{number}") for number in range(5)]
    model.create_table_without_stream("plain")
    assert arns(model) == sorted(made)
    assert arns(model, "table-3") == [made[3]]
    assert arns(model, "plain") == arns(model, "nobody") == []

    seen, after = [], None
    while True:
        page = model.list_streams(limit=2, after=after)
        seen.append(len(page["Streams"]))
        if (after := page.get("LastEvaluatedStreamArn")) is None:
            break
    assert seen == [2, 2, 1]
    with pytest.raises(ApiError, match="ValidationException"):
        model.list_streams(after="no arn")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda model: model.enable("activity"), "already has an enabled stream"),
        (lambda model: model.create_table("activity"), "already exists"),
        (lambda model: model.create_table("no name!"), "no name for a table"),
        (lambda model: model.create_table("orders", view="ALL"), "the view is one of"),
        (lambda model: model.create_table("orders", keys=()), "one or two keys"),
        (lambda model: model.disable("orders"), "not found: Table: orders"),
        (lambda model: (model.disable("activity"), model.disable("activity")), "no stream to disable"),
    ],
)
def test_an_impossible_change_is_refused(model, arn, wrong, text):
    with pytest.raises(ApiError, match=text):
        wrong(model)


def test_a_table_may_have_a_single_key(model):
    arn = model.create_table("orders", keys=("id",))
    model.put("orders", [{"id": "1", "n": 1}])
    (record,) = read_all(model, arn, only_shard(model, arn))
    assert record["dynamodb"]["Keys"] == {"id": {"S": "1"}}
    assert len(model.describe_stream(arn)["StreamDescription"]["KeySchema"]) == 1
