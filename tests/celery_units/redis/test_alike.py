"""Messages that are not decoded, because they are like an earlier one: they mean what decoding them would say."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_units.pattern import pattern
from celery_units.redis.alike import AlikeMessages, KnownMessages
from celery_units.redis.reserve import decode

IDS = st.uuids().map(str)
TAGS = st.from_regex(r"[0-9a-zA-Z-]{6,40}", fullmatch=True)


def message(id_: str, tag: str, body: str | None = None, **headers: Any) -> bytes:
    """As producers write it, with the id in several places."""
    texts = {"id": id_, "task": "t", "root_id": id_, "argsrepr": f"('{id_}',)", "retries": 0, "stamps": {}}
    return json.dumps(
        {
            "body": json.dumps([[id_], {}, {}]) if body is None else body,
            "headers": {**texts, **headers},
            "properties": {"correlation_id": id_, "delivery_info": {"routing_key": "a"}, "delivery_tag": tag},
        }
    ).encode()


def known(*messages: bytes) -> KnownMessages:
    found = KnownMessages()
    for each in messages:
        found.learn(each, decode(each))
    return found


@given(IDS, TAGS, IDS, TAGS)
def test_a_message_like_another_is_what_decoding_it_says(id_: str, tag: str, other_id: str, other_tag: str) -> None:
    other = message(other_id, other_tag)
    if found := known(message(id_, tag)).find([other]):
        assert (found[0].id, found[0].tag, found[0].task) == (other_id, other_tag, "t")
        assert found[0].decoded() == decode(other)


def test_the_usual_messages_are_alike() -> None:
    messages = known(message(str(uuid4()), "one-1"))
    assert messages.find([message(str(uuid4()), "one-2")])
    assert messages.find([message(str(uuid4()), str(uuid4()))])


def test_messages_are_alike_up_to_the_first_that_is_not() -> None:
    kinds = [message(str(uuid4()), f"tag-{number}", retries=number // 3) for number in range(6)]
    messages = known(kinds[0], kinds[3])
    assert [each.tag for each in messages.find(kinds, 1)] == ["tag-1", "tag-2"]
    assert [each.tag for each in messages.find(kinds, 3)] == ["tag-3", "tag-4", "tag-5"]
    assert messages.find(kinds, 6) == []


@given(st.data(), IDS, TAGS)
def test_a_message_that_differs_anywhere_else_is_decoded(data: st.DataObject, id_: str, tag: str) -> None:
    """One byte of a message is another: it is not taken for one of the kind, or means what decoding it says."""
    first = message(id_, tag)
    place = data.draw(st.integers(0, len(first) - 1))
    changed = first[:place] + bytes([data.draw(st.integers(0, 255))]) + first[place + 1 :]
    if found := known(first).find([changed]):
        assert found[0].decoded() == decode(changed)


ID, OTHER = str(uuid4()), str(uuid4())


@pytest.mark.parametrize(
    "other",
    [
        message(OTHER, "u", retries=1),
        message(OTHER, "u", losses=1),
        message(OTHER, "u", root_id=ID),
        message(OTHER, "u", body="W10="),
        message(OTHER, 'u", "priority": "9'),
        message(OTHER, "u\\"),
        message(OTHER, ""),
        message('x", "task": "other", "y": "z12345678', "u"),
        message(OTHER, "u")[:-1],
        message(OTHER, "u") + b" ",
        b"",
    ],
)
def test_what_differs_in_more_is_not_alike(other: bytes) -> None:
    assert known(message(ID, "tag-1")).find([other]) == []


@pytest.mark.parametrize(
    "first",
    [
        message("a short id", "t"),
        message(ID, "argsrepr"),
        message(ID, "tag-1").replace(b'"delivery_tag": "tag-1"', b'"delivery_tag": "\\u0074ag-1"'),
        message(ID, "tag-1").replace(f'"id": "{ID}"'.encode(), f'"id": "\\u{ord(ID[0]):04x}{ID[1:]}"'.encode()),
        message("b" + ID[1:], "tag-1", note="x").replace(b'"x"', f'"\\b{ID[1:]}"'.encode()),
        message(ID, "tag-1", note="\N{SNOWMAN}"),
        b'{"headers": [], "properties": {"delivery_tag": "t"}}',
        b'{"headers": {"id": 1}, "properties": {"delivery_tag": 2}}',
    ],
)
def test_a_message_whose_id_or_tag_is_not_plain_is_no_kind(first: bytes) -> None:
    assert AlikeMessages.of(first, decode(first)) is None


def test_several_kinds_are_known_and_the_oldest_are_forgotten() -> None:
    kinds = [message(ID, "tag-1", retries=number) for number in range(9)]
    messages = known(*kinds)
    assert [bool(messages.find([each])) for each in kinds] == [False] + [True] * 8


NAMES = st.text(max_size=5).filter(lambda name: name != "tag")  # the tag and the id are values
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([ID, "tag", f"({ID})"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_a_pattern_makes_the_value_for_another_id_and_tag(value: Any) -> None:
    made = pattern(value, ID, "tag")(OTHER, "new")
    assert made == json.loads(json.dumps(value).replace(ID, OTHER).replace('"tag"', '"new"'))


def test_values_of_a_pattern_share_nothing_that_changes() -> None:
    make = pattern({"args": [ID], "stamps": {}, "limits": [None, {}]}, ID, "tag")
    first, second = make(OTHER, "a"), make(OTHER, "b")
    first["args"].append(1)
    first["stamps"]["x"] = 1
    first["limits"][1]["x"] = 1
    assert second == {"args": [OTHER], "stamps": {}, "limits": [None, {}]}
