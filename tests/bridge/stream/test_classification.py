"""What the records of a page become. Pure."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.stream.classification import classify_page
from bridge.stream.decode import decode, identity
from notifier.notifications import created_ms
from notifier.outbox import Page, ShardLease
from notifier.routes import Routes
from tests.bridge.stream.records import CREATED, record

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
LEASE = ShardLease(1, "shardId-1", "arn:stream", "activity", "me", 1, None)


def classified(
    lease: ShardLease, checkpoint: str | None, records: Any, routes: Routes, not_before: datetime = ALWAYS
) -> Page:
    return classify_page(lease, checkpoint, records, routes, not_before)


def test_each_record_is_accounted_for(routes: Routes) -> None:
    page = classified(LEASE, None, [record(1), record(2, type={"S": "other"}), {"eventName": "INSERT"}], routes)

    assert [each.sequence_number for each in page.notifications] == ["1"]
    assert page.unrouted == 1
    assert [each.error for each in page.quarantined] == ["the record has no dynamodb"]
    assert page.read == 3


def test_the_checkpoint_is_the_text_of_the_last_number(routes: Routes) -> None:
    padded = "000000000000012345678901234567"
    assert classified(LEASE, "1", [record(2), record(padded)], routes).checkpoint == padded
    assert (
        classified(LEASE, "7", [{"eventName": "?"}], routes).checkpoint == "7"
    )  # a record without a place moves nothing


def test_what_is_recorded_already_is_passed_over(routes: Routes) -> None:
    page = classified(
        LEASE, "9", [record(8), record(9), record(10), record(10), record(11, type={"S": "other"})], routes
    )
    assert [each.sequence_number for each in page.notifications] == ["10"]
    assert (page.checkpoint, page.unrouted, page.read) == ("11", 1, 2)


def test_a_checkpoint_never_goes_back(routes: Routes) -> None:
    page = classified(LEASE, "10", [record(9), record("0000000000000000000000007")], routes)
    assert (page.checkpoint, page.read, page.last_record_at) == ("10", 0, None)


def test_numbers_are_compared_as_numbers(routes: Routes) -> None:
    page = classified(LEASE, "000000099", [record("100"), record("0000101"), record("20")], routes)
    assert [each.sequence_number for each in page.notifications] == ["100", "0000101"]
    assert page.checkpoint == "0000101"


def test_a_record_of_a_table_without_a_route_here_is_quarantined_not_dropped(routes: Routes) -> None:
    orders = ShardLease(1, "shardId-1", "arn:stream", "orders", "me", 1, None)
    created = datetime.fromtimestamp(CREATED, UTC)
    page = classified(orders, None, [record(1), record(2)], routes)
    assert (page.unrouted, page.read, page.checkpoint, page.last_record_at) == (0, 2, "2", created)
    assert [each.sequence_number for each in page.quarantined] == ["1", "2"]
    assert "no route for the table orders" in page.quarantined[0].error
    assert "notifier rewind --table orders" in page.quarantined[0].error

    muted = classified(orders, None, [record(1)], routes, created + timedelta(seconds=1))
    assert (muted.unrouted, muted.read) == (1, 1)


@pytest.mark.parametrize("number", ["²", "٣", "1" * 41, "-1", ""])
def test_what_only_looks_like_a_number_is_none(routes: Routes, number: str) -> None:
    page = classified(LEASE, "7", [record(number), record(8)], routes)
    assert (len(page.quarantined), len(page.notifications), page.checkpoint) == (1, 1, "8")


@pytest.mark.parametrize(
    ("broken", "known"),
    [
        ({"dynamodb": {"Keys": {"pk": {"?": "1"}}}}, True),
        ({"dynamodb": {"Keys": {"pk": {"N": "NaN"}}}}, True),
        ({"eventName": "TRUNCATE"}, True),
        ({"eventID": 7}, True),
        ({"dynamodb": {"ApproximateCreationDateTime": "soon"}}, False),
        ({"dynamodb": {"ApproximateCreationDateTime": True}}, False),
        ({"dynamodb": {"ApproximateCreationDateTime": 5e9}}, False),
    ],
)
def test_a_record_that_cannot_be_understood_has_the_time_that_it_tells(
    routes: Routes, broken: dict[str, Any], known: bool
) -> None:
    whole = record(7)
    made = {**whole, **broken, "dynamodb": {**whole["dynamodb"], **broken.get("dynamodb", {})}}
    page = classified(LEASE, None, [made], routes)
    assert (len(page.quarantined), page.checkpoint) == (1, "7")
    assert page.last_record_at == (datetime.fromtimestamp(CREATED, UTC) if known else None)


def test_a_record_without_the_image_that_a_route_reads_has_its_time(routes: Routes) -> None:
    made = record(7)
    del made["dynamodb"]["NewImage"]
    page = classified(LEASE, None, [made], routes)
    assert "matches on type" in page.quarantined[0].error
    assert page.last_record_at == datetime.fromtimestamp(CREATED, UTC)


def test_records_before_the_start_become_no_notification(routes: Routes) -> None:
    created = datetime.fromtimestamp(CREATED, UTC)
    assert classified(LEASE, None, [record(1)], routes, created + timedelta(seconds=1)).unrouted == 1
    assert classified(LEASE, None, [record(1)], routes, created).unrouted == 0


def test_the_stored_record_is_the_one_that_came(routes: Routes) -> None:
    came = record(1, picture={"B": "AAEC"}, nul={"S": "a\0b"})
    (made,) = classified(LEASE, None, [came], routes).notifications
    assert json.loads(made.record) == came


def test_the_id_is_a_function_of_the_record_and_ordered_by_its_time(routes: Routes) -> None:
    event = decode("activity", record(1))
    first, again = (identity(LEASE, event, "a_route") for _ in range(2))
    assert first == again
    assert first.version == 8
    assert created_ms(first) == CREATED * 1000
    others = {
        identity(LEASE, event, "another_route"),
        identity(LEASE, decode("activity", record(2)), "a_route"),
        identity(ShardLease(1, "shardId-2", "arn:stream", "activity", "me", 1, None), event, "a_route"),
        identity(ShardLease(1, "shardId-1", "arn:other", "activity", "me", 1, None), event, "a_route"),
    }
    assert first not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        ({"eventName": "UPSERT"}, "eventName is 'UPSERT'"),
        ({"eventID": 7}, "eventID must be text"),
        ({"dynamodb": {**record(1)["dynamodb"], "NewImage": {"n": {"N": "many"}}}}, "not a number: 'many'"),
        ({"dynamodb": {**record(1)["dynamodb"], "NewImage": {"n": {"N": "NaN"}}}}, "not a finite number"),
        ({"dynamodb": {**record(1)["dynamodb"], "NewImage": {"n": {"X": "1"}}}}, "unknown attribute type 'X'"),
        ({"dynamodb": {**record(1)["dynamodb"], "NewImage": {"n": {"S": "1", "N": "1"}}}}, "must have one type"),
        ({"dynamodb": {**record(1)["dynamodb"], "NewImage": {"b": {"B": "%%"}}}}, "not base64"),
        ({"dynamodb": {**record(1)["dynamodb"], "ApproximateCreationDateTime": 1e18}}, "Error"),
        ({"dynamodb": {**record(1)["dynamodb"], "ApproximateCreationDateTime": 5}}, "ApproximateCreationDateTime is"),
        ({"dynamodb": {**record(1)["dynamodb"], "SequenceNumber": "1; DROP"}}, "SequenceNumber is"),
    ],
)
def test_a_record_that_cannot_be_understood_goes_to_quarantine(
    routes: Routes, spoilt: dict[str, Any], error: str
) -> None:
    came = {**record(1), **spoilt}
    (bad,) = classified(LEASE, None, [came], routes).quarantined
    assert error in bad.error
    assert json.loads(bad.record) == came


def test_records_without_a_sequence_number_get_different_substitutes(routes: Routes) -> None:
    page = classified(LEASE, "7", [{"n": 1}, {"n": 2}, {"n": 2}, record(8), {"n": 2}], routes)
    assert len({each.sequence_number for each in page.quarantined}) == 4


def test_a_record_without_a_place_has_the_same_name_on_every_read(routes: Routes) -> None:
    came = [record(6), {"n": 1}, record(7), {"n": 1}]
    first, again = (classified(LEASE, checkpoint, came, routes).quarantined for checkpoint in (None, "7"))
    assert [each.sequence_number for each in first] == [each.sequence_number for each in again]


def test_deep_nesting_is_no_crash(routes: Routes) -> None:
    deep: dict[str, Any] = {"S": "bottom"}
    for _ in range(350):
        deep = {"L": [deep]}
    page = classified(LEASE, None, [record(1, deep=deep), record(2)], routes)
    assert len(page.quarantined) == len(page.notifications) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=5))
def test_whatever_comes_is_accounted_for(came: list[Any]) -> None:
    page = classified(LEASE, None, came, Routes([]))
    assert page.read == len(came)
