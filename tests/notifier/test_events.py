import base64
import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import DecodeError
from notifier.events import Event, plain
from tests.bridge.stream.records import CREATED, record


def test_an_event_is_made_of_plain_values() -> None:
    came = record(7, n={"N": "1.50"}, seen={"BOOL": True}, gone={"NULL": True}, raw={"B": "AAE="})
    event = Event.from_record("activity", came)

    assert (event.id, event.table, event.name, event.sequence_number) == ("event-7", "activity", "INSERT", "7")
    assert event.keys == {"pk": "user#7"}
    assert event.new == {
        "pk": "user#7",
        "type": "friend_request",
        "n": Decimal("1.50"),
        "seen": True,
        "gone": None,
        "raw": b"\0\x01",
    }
    assert event.old is None
    assert event.created_at == datetime.fromtimestamp(CREATED, UTC)
    assert not event.expired_by_ttl


@pytest.mark.parametrize("name", ["PrincipalId", "principalId"])
def test_a_deletion_by_ttl_is_marked(name: str) -> None:
    by_ttl = {"Type": "Service", name: "dynamodb.amazonaws.com"}
    assert Event.from_record("activity", {**record(1), "userIdentity": by_ttl}).expired_by_ttl


items = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**37), 10**37)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=15,
)


@given(items)
def test_an_event_reads_what_boto3_writes(value: Any) -> None:
    assert plain(on_the_wire(TypeSerializer().serialize(value))) == value


@pytest.mark.parametrize("value", [{"a", "b"}, {1, 2}, {b"a", b"b"}])
def test_sets_are_sets(value: set[Any]) -> None:
    assert plain(on_the_wire(TypeSerializer().serialize(value))) == value


def test_whole_numbers_are_int_whatever_their_size() -> None:
    big = plain({"N": "9" * 38})
    assert big == int("9" * 38)
    assert type(big) is int


kinds = st.sampled_from(["S", "N", "B", "M", "L", "SS", "NS", "BS", "BOOL", "NULL", "x"])
nonsense = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(kinds, inner),
    max_leaves=10,
)


@given(nonsense)
def test_any_input_raises_only_decode_error(value: Any) -> None:
    came = record(1)
    came["dynamodb"]["NewImage"] = {"a": value}
    with contextlib.suppress(DecodeError):
        Event.from_record("activity", came)


def on_the_wire(value: Any) -> Any:
    """boto3's shape, with binary as botocore puts it into JSON."""
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {"B": base64.b64encode(bytes(content)).decode()}
        case "BS":
            return {"BS": [base64.b64encode(bytes(each)).decode() for each in content]}
        case "M":
            return {"M": {name: on_the_wire(each) for name, each in content.items()}}
        case "L":
            return {"L": [on_the_wire(each) for each in content]}
    return value
