"""Pages as GetRecords returns them: records are cut from the bytes of a page, each parsed when it is used. Pure."""

import gc
import json
import weakref
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.stream.classification import classify_page
from bridge.stream.page import CutRecords, RecordPage, UnreadPage, read_each
from notifier.errors import Unreachable
from notifier.outbox import ShardLease
from notifier.outbox import records as wire
from notifier.routes import Routes
from tests.bridge.stream.records import CREATED, record
from tests.bridge.stream.test_classification import ALWAYS

LEASE = ShardLease(1, "shardId-1", "arn:stream", "activity", "me", 1, None)


def body(*records: Any, after: str | None = "next") -> bytes:
    end = {} if after is None else {"NextShardIterator": after}
    return orjson.dumps({"Records": list(records), **end})


def page(of: bytes) -> RecordPage:
    return UnreadPage(of, "here").read()


def parsed(of: RecordPage) -> list[Any]:
    return [each for each, _ in read_each(of.records)]


def bytes_of(of: RecordPage) -> list[bytes | None]:
    return [raw for _, raw in read_each(of.records)]


def test_a_page_is_freed_without_the_collector_of_cycles() -> None:
    """It looks seldom: the bridge would keep hundreds of pages."""
    unread = UnreadPage(body(record(1), record(2)), "here")
    assert len(parsed(unread.read())) == 2
    freed = weakref.ref(unread), weakref.ref(unread.read().records)
    gc.disable()
    try:
        del unread
        assert [each() for each in freed] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("after", ["next", None])
def test_records_keep_the_bytes_that_came(after: str | None) -> None:
    some = [record(number, name={"S": "Zoë"}) for number in range(5)]
    found = page(body(*some, after=after))

    assert isinstance(found.records, CutRecords)
    assert (parsed(found), len(found.records), found.next_iterator) == (some, 5, after)
    assert bytes_of(found) == [orjson.dumps(each) for each in some]
    assert found.records[1:3] == some[1:3]


def test_the_iterator_may_come_first() -> None:
    found = page(b'{"NextShardIterator":"next","Records":[%b]}' % orjson.dumps(record(1)))
    assert isinstance(found.records, CutRecords)
    assert (parsed(found), found.next_iterator) == ([record(1)], "next")


def test_bytes_with_an_escaped_character_are_written_as_searches_spell_them(routes: Routes) -> None:
    escaped = body(record(1)).replace(b"user#1", rb"user\u00231")
    assert bytes_of(page(escaped)) == [None]
    (made,) = classify_page(LEASE, None, page(escaped).records, routes, ALWAYS).notifications
    assert made.record == wire.write(record(1))


def test_a_record_without_a_number_has_the_same_name_however_its_page_was_read(routes: Routes) -> None:
    """A page is read again in another way after a part of it was recorded."""
    odd = record(1)
    del odd["dynamodb"]["SequenceNumber"]
    cut = page(body(odd).replace(b"%d" % CREATED, b"1.7E9"))
    (named,) = classify_page(LEASE, None, cut.records, routes, ALWAYS).quarantined
    (again,) = classify_page(LEASE, None, cut.records[:1], routes, ALWAYS).quarantined
    assert named.sequence_number == again.sequence_number


def test_text_that_looks_like_the_next_record_cuts_nothing() -> None:
    some = [record(1, note={"S": '"},{"eventID":"event-2"'}), record(2)]
    assert parsed(page(body(*some))) == some


def test_a_cut_at_a_wrong_place_is_found() -> None:
    """No item has such a list: its elements are named by their types."""
    odd = {**record(2), "more": [{"eventID": "a"}, {"eventID": "b"}]}
    found = page(body(record(1), odd, record(3)))
    assert isinstance(found.records, CutRecords)
    assert [(one, raw is None) for one, raw in read_each(found.records)] == [
        (record(1), False),
        (odd, True),
        (record(3), True),
    ]
    assert len(found.records) == 3


def test_text_that_is_no_unicode_is_read_by_the_other_parser() -> None:
    half = body(record(1), record(2), record(3)).replace(b"user#2", rb"\ud83d")
    assert [each["dynamodb"]["NewImage"]["pk"]["S"] for each in parsed(page(half))] == ["user#1", "\ud83d", "user#3"]


@pytest.mark.parametrize(
    "broken",
    [
        body(record(1), record(2))[:-40],
        body(record(1), record(2)).replace(b'"event-2",', b""),
        body(record(1), record(2)).replace(b"}]", b"]"),
        b"[" + body(record(1)),
        body(record(1)) + b"}",
    ],
)
def test_what_is_no_json_is_no_page(broken: bytes) -> None:
    with pytest.raises(Unreachable, match="DynamoDB Streams at here is no JSON"):
        parsed(page(broken))


def test_a_page_that_is_written_otherwise_is_parsed_as_one() -> None:
    some = [record(1), {"dynamodb": {}, **record(2)}, {}]
    spaced = json.dumps({"Records": some, "NextShardIterator": "next"}).encode()
    assert page(spaced).records == some
    assert parsed(page(body(*some))) == some
    assert page(body()).records == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["eventID", "dynamodb", "a\\"]) | st.text(), _JSON), max_size=4))
def test_every_page_has_the_records_of_its_json(some: list[Any]) -> None:
    found = page(body(*some))
    assert parsed(found) == some
    assert [wire.parse(raw) for _, raw in read_each(found.records) if raw is not None] == [
        record for record, raw in zip(some, bytes_of(found), strict=True) if raw is not None
    ]
