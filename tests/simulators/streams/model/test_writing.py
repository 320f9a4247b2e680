"""The records of writes."""

from decimal import Decimal

import pytest

from simulators.shared.errors import ApiError
from simulators.streams import StreamsModel
from simulators.streams.model.attributes import attributes, item_size
from simulators.streams.model.clock import START
from tests.simulators.streams.reader import item, items, only_shard, read_all


def read(model: StreamsModel, arn: str) -> list[dict]:
    return read_all(model, arn, only_shard(model, arn))


def test_a_new_item_is_an_insert_a_changed_one_a_modify_a_deleted_one_a_remove(model, arn):
    model.put("activity", [item(1, n=1)])
    model.put("activity", [item(1, n=2)])
    model.delete("activity", [item(1)])

    inserted, modified, removed = (record["dynamodb"] for record in read(model, arn))
    names = [record["eventName"] for record in read(model, arn)]
    assert names == ["INSERT", "MODIFY", "REMOVE"]
    assert "OldImage" not in inserted
    assert (modified["OldImage"]["n"], modified["NewImage"]["n"]) == ({"N": "1"}, {"N": "2"})
    assert removed["OldImage"] == modified["NewImage"]
    assert "NewImage" not in removed
    assert removed["Keys"] == {"pk": {"S": "user#1"}, "sk": {"S": "1"}}


def test_a_write_that_changes_nothing_leaves_no_record(model, arn):
    assert len(model.put("activity", [item(1, n=1)])) == 1
    assert model.put("activity", [item(1, n=1)]) == []
    assert model.delete("activity", [item(2)]) == []
    assert len(read(model, arn)) == 1
    model.delete("activity", [item(1)])
    assert model.delete("activity", [item(1)]) == []
    assert [one.event_name for one in model.put("activity", [item(1)])] == ["INSERT"]


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", [set(), set(), set()]),
        ("NEW_IMAGE", [{"NewImage"}, {"NewImage"}, set()]),
        ("OLD_IMAGE", [set(), {"OldImage"}, {"OldImage"}]),
        ("NEW_AND_OLD_IMAGES", [{"NewImage"}, {"NewImage", "OldImage"}, {"OldImage"}]),
    ],
)
def test_the_view_says_which_images_there_are(model, view, images):
    arn = model.create_table("activity", view=view)
    model.put("activity", [item(1, n=1)])
    model.put("activity", [item(1, n=2)])
    model.delete("activity", [item(1)])
    found = read(model, arn)
    assert [set(record["dynamodb"]) & {"NewImage", "OldImage"} for record in found] == images
    assert {record["dynamodb"]["StreamViewType"] for record in found} == {view}


def test_a_record_has_all_members_of_aws(model, arn):
    (acknowledged,) = model.put("activity", [item(1, name="Zoë")])
    (record,) = read(model, arn)
    change = record.pop("dynamodb")
    assert record == {
        "eventID": acknowledged.event_id,
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
    }
    assert len(bytes.fromhex(acknowledged.event_id)) == 16
    assert change["SequenceNumber"] == acknowledged.sequence_number
    assert change["SizeBytes"] == 2 * len("pkuser#1sk1") + len("nameZoë".encode())


def test_the_time_of_a_record_is_in_whole_seconds(model, arn):
    model.advance(1.9)
    model.put("activity", [item(1)])
    assert read(model, arn)[0]["dynamodb"]["ApproximateCreationDateTime"] == int(START) + 1


def test_an_event_id_is_unique_and_the_same_on_every_read(model, arn):
    model.put("activity", items(50))
    first, second = read(model, arn), read(model, arn)
    assert first == second
    assert len({record["eventID"] for record in first}) == 50


def test_a_delete_by_ttl_names_its_actor(model, arn):
    model.put("activity", [item(1), item(2)])
    model.delete("activity", [item(1)], by_ttl=True)
    model.delete("activity", [item(2)])
    *_, by_ttl, by_hand = read(model, arn)
    assert by_ttl["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert "userIdentity" not in by_hand


def test_a_table_without_a_stream_keeps_items_and_no_records(model):
    model.create_table_without_stream("activity")
    assert model.put("activity", [item(1, n=1)]) == []
    arn = model.enable("activity")
    model.put("activity", [item(1, n=2)])
    assert [record["eventName"] for record in read(model, arn)] == ["MODIFY"]


def test_all_items_are_good_or_none_is_written(model, arn):
    with pytest.raises(ApiError, match="required keys"):
        model.put("activity", [item(1), {"pk": "user#2"}])
    assert read(model, arn) == []


def test_values_are_carried_as_dynamodb_does():
    wire = attributes({"n": Decimal("1.50"), "b": b"\0", "s": {"b", "a"}, "l": [1, None, True], "m": {"x": ("y",)}})
    assert wire == {
        "n": {"N": "1.50"},
        "b": {"B": "AA=="},
        "s": {"SS": ["a", "b"]},
        "l": {"L": [{"N": "1"}, {"NULL": True}, {"BOOL": True}]},
        "m": {"M": {"x": {"L": [{"S": "y"}]}}},
    }
    assert item_size(wire) > 5


@pytest.mark.parametrize("value", [object(), set(), {1, "a"}, [{...}]])
def test_what_dynamodb_cannot_hold_is_refused(model, arn, value):
    with pytest.raises(ApiError, match="ValidationException"):
        model.put("activity", [item(1, value=value)])
    with pytest.raises(ApiError, match="ValidationException"):
        model.put_wire("activity", [{"pk": {"S": "1"}, "sk": "1"}])
