"""Events from what people paste."""

import json
from decimal import Decimal

import pytest

from notifier.errors import UsageError
from notifier.preview.event import event_of, values_of


def test_an_item_as_plain_json() -> None:
    event = event_of('{"id": 7, "price": 1.50, "tags": ["a"], "address": {"city": "Lisbon"}}', table="orders")
    assert (event.name, event.table, event.old) == ("INSERT", "orders", None)
    assert event.new == {"id": 7, "price": Decimal("1.50"), "tags": ["a"], "address": {"city": "Lisbon"}}
    assert event.keys == event.new


def test_an_item_as_dynamodbs_json() -> None:
    event = event_of('{"id": {"N": "7"}, "tags": {"SS": ["a", "b"]}, "none": {"NULL": true}}', table="orders")
    assert event.new == {"id": 7, "tags": frozenset(("a", "b")), "none": None}


def test_maps_that_only_look_like_dynamodbs_json() -> None:
    assert values_of('{"a": {"S": "x"}, "b": 1}') == {"a": {"S": "x"}, "b": 1}
    with pytest.raises(UsageError, match="looks like DynamoDB's JSON"):
        values_of('{"a": {"N": "seven"}}')


def test_the_item_of_a_removal_is_the_old_one_and_a_modification_has_both() -> None:
    removed = event_of('{"id": 7}', table="orders", name="REMOVE", old='{"id": 8}')
    assert (removed.new, removed.old) == (None, {"id": 7})
    modified = event_of('{"id": 7}', table="orders", name="MODIFY", old='{"id": 8}')
    assert (modified.new, modified.old) == ({"id": 7}, {"id": 8})


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whole_record_says_its_table_and_event(wrapped: bool) -> None:
    record = {
        "eventName": "REMOVE",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/orders/stream/2026",
        "dynamodb": {"Keys": {"id": {"N": "7"}}, "OldImage": {"id": {"N": "7"}, "a": {"S": "b"}}},
    }
    event = event_of(json.dumps({"Records": [record]} if wrapped else record), table="other")
    assert (event.table, event.name, event.keys, event.new, event.old) == (
        "orders",
        "REMOVE",
        {"id": 7},
        None,
        {"id": 7, "a": "b"},
    )


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("{", {"table": "orders"}, "not JSON"),
        ("[1]", {"table": "orders"}, "JSON object"),
        ("[" * 100_000, {"table": "orders"}, "nested too deeply"),
        ("{}", {}, "name the table"),
        ("{}", {"table": "orders", "name": "UPSERT"}, "not INSERT, MODIFY or REMOVE"),
        ("{}", {"table": "orders", "name": "MODIFY", "old": "x"}, "before the change is not JSON"),
        ('{"eventName": "INSERT", "dynamodb": {"NewImage": {"a": 1}}}', {"table": "orders"}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(text: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        event_of(text, **more)
