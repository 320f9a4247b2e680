"""Whatever a shard brings: it is recorded as it came, it is counted, and the worker reads what the bridge read."""

import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.stream.classification import classify_page
from bridge.stream.decode import decode
from notifier.errors import DecodeError
from notifier.events import Event
from notifier.outbox import records as wire
from notifier.routes import Routes, route, routes_of
from tests.bridge.stream.records import record
from tests.fuzz.records import DEEP, broken_records, nested, nonsense, odd_records
from tests.outbox.rows import Rows

ALWAYS = datetime(2012, 1, 1, tzinfo=UTC)
TABLE = "activity"


@route(table=TABLE, channel="email", on=["INSERT", "MODIFY", "REMOVE"], match={"a": [{"exists": False}]})
def without_a(event: Event) -> None: ...


@route(
    table=TABLE,
    channel="email",
    match={
        "$or": [
            {"a": [{"numeric": [">", 0]}, {"wildcard": "*x*y*"}, {"anything-but": {"prefix": "z"}}]},
            {"type": {"deep": [True, None]}},
        ]
    },
)
def with_a(event: Event) -> None: ...


ROUTES = Routes([*routes_of(without_a), *routes_of(with_a)])
numbers = count(1)


def placed(came: Any) -> Any:
    """With a sequence number of its own, where there is one: in a shard no two records have the same."""
    match came:
        case {"dynamodb": {"SequenceNumber": "1"} as change}:
            return {**came, "dynamodb": {**change, "SequenceNumber": str(next(numbers))}}
    return came


def counters(rows: Rows) -> dict[str, int]:
    return rows.one(
        "SELECT records_read AS read, records_notified AS notified, records_unrouted AS unrouted, "
        "records_quarantined AS quarantined FROM shards"
    )


def kept(rows: Rows, table: str) -> list[bytes]:
    return [bytes(row["record"]) for row in rows.all(f"SELECT record FROM {table}")]


@given(st.lists(odd_records() | broken_records(), max_size=4))
@example([record(1, a={"S": "\0"}), record(1, a=nested(DEEP)), {"deep": nested(DEEP)}, None, None])
@example(
    [record(1, a={"N": 1.5}), record(1, a={"SS": "text"}), record(1, a={"L": {}}), record(1, b={"N": "1E+9999"})]
)
def test_a_page_of_anything_is_recorded_as_it_came_and_counted(rows: Rows, came: list[Any]) -> None:
    rows.run("TRUNCATE notifications, deliveries, quarantine")
    records = [placed(each) for each in came]
    before = counters(rows)

    page = classify_page(rows.lease, rows.checkpoint, records, ROUTES, ALWAYS)
    rows.record(page)

    now = {name: value - before[name] for name, value in counters(rows).items()}
    found = [wire.parse(each) for table in ("notifications", "quarantine") for each in kept(rows, table)]
    assert now["read"] == len(records)
    assert now["notified"] + now["quarantined"] == len(found)
    assert [each for each in found if each not in records] == []
    for raw in kept(rows, "notifications"):
        assert Event.from_record(TABLE, wire.parse(raw)) == decode(TABLE, wire.parse(raw))


@given(odd_records() | broken_records())
def test_the_worker_reads_what_the_bridge_read(came: Any) -> None:
    try:
        event = decode(TABLE, came)
    except DecodeError as refused:
        told = str(refused)
    else:
        assert Event.from_record(TABLE, wire.parse(wire.write(came))) == event
        return
    assert "\0" not in told, "Postgres refuses it"
    assert told.encode(), "half a surrogate pair too"


@given(
    st.binary() | (nonsense | odd_records()).map(json.dumps).map(str.encode), st.binary(max_size=2), st.integers(0)
)
def test_whatever_the_bytes_they_are_parsed_or_refused_and_written_as_they_were(
    body: bytes, junk: bytes, place: int
) -> None:
    spoilt = body[: place % (len(body) + 1)] + junk + body[place % (len(body) + 1) :]
    for came in (body, spoilt):
        try:
            value = wire.parse(came)
        except ValueError:
            continue
        assert wire.parse(wire.write(value)) == value


@pytest.mark.parametrize("levels", [1, 200, 300, 900, 1_000, 1_020])
def test_what_could_be_read_can_be_written(levels: int) -> None:
    body = b"[" * levels + b'"\xff"' * (levels < 900) + b"]" * levels
    assert wire.write(wire.parse(body)).count(b"[") == levels


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\\ud800"', "\ud800"),
        (b'"caf\xe9"', "caf\udce9"),
        (b'[1e999, NaN, "\\ud800"]', ["1e999", "NaN", "\ud800"]),
        (b"18446744073709551615", 2**64 - 1),
        (b'[18446744073709551616, "\\ud800"]', [2.0**64, "\ud800"]),
    ],
)
def test_one_odd_value_costs_no_page(body: bytes, value: Any) -> None:
    assert wire.parse(body) == value
    assert wire.parse(wire.write(value)) == value


def test_more_levels_than_python_recurses_hold_up_no_page(rows: Rows) -> None:
    page = classify_page(
        rows.lease, rows.checkpoint, [record(1), record(2, a=nested(1_000)), record(3)], ROUTES, ALWAYS
    )
    rows.record(page)
    assert counters(rows) == {"read": 3, "notified": 2, "unrouted": 0, "quarantined": 1}
    assert kept(rows, "quarantine")[0].count(b'"L"') == 1_000


def test_an_item_as_big_as_dynamodb_takes_is_recorded(rows: Rows) -> None:
    big = record(1, text={"S": "é\0" * 130_000}, many={"L": [{"N": "1"}] * 10_000})
    rows.record(classify_page(rows.lease, rows.checkpoint, [big], ROUTES, ALWAYS))
    (raw,) = kept(rows, "notifications")
    assert wire.parse(raw) == big


def test_a_long_text_holds_up_no_pattern() -> None:
    event = decode(TABLE, record(1, a={"S": "xy" * 200_000}))
    matching = Routes([each for each in ROUTES if each.name == "with_a"])
    assert matching.owner(event) is not None
