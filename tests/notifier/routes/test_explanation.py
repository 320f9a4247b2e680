"""Why a route does not match: the reasons agree with the match, and name the attribute at fault."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.events import Event
from notifier.routes import Route, Routes, route, routes_of
from notifier.routes.explanation import why_not
from notifier.routes.wording import pattern_in_words


def event(new: Mapping[str, Any] | None, old: Mapping[str, Any] | None = None, name: Any = "INSERT") -> Event:
    return Event("1", "orders", name, {"id": 7}, new, old, datetime.now(UTC), "1")


def one(**options: Any) -> Route:
    @route(**{"table": "orders", "channel": "email", **options})
    def a_route(event: Event) -> None: ...

    (found,) = routes_of(a_route)
    assert isinstance(found, Route)
    return found


CASES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"kind": ["a", "b"]}, {"kind": "c"}, "kind is “c”; wanted: kind is “a” or “b”"),
    ({"kind": ["a"]}, {}, "kind is absent; wanted: kind is “a”"),
    ({"n": [{"numeric": [">", 1, "<=", 5]}]}, {"n": 6}, "n is 6; wanted: n > 1 and <= 5"),
    ({"n": [1, {"exists": False}]}, {"n": True}, "n is true; wanted: n is 1, or is absent"),
    ({"n": [{"exists": True}]}, {}, "n is absent; wanted: n is present"),
    ({"n": [{"prefix": "A"}, {"suffix": "z"}]}, {"n": "b"}, "wanted: n begins with “A”, or ends with “z”"),
    ({"n": [{"anything-but": ["x", "y"]}]}, {"n": "x"}, "wanted: n is present, and not “x” nor “y”"),
    ({"n": [{"anything-but": {"prefix": "t"}}]}, {"n": "t1"}, "and not one that begins with “t”"),
    ({"a": {"city": ["L"]}}, {"a": {"city": "P"}}, "a: city is “P”; wanted: city is “L”"),
    ({"a": {"city": ["L"]}}, {"a": 1}, "a: city is absent; wanted: city is “L”"),
    ({"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 3}, "neither (a is 1) nor (b is 2) holds"),
]


@pytest.mark.parametrize(("pattern", "item", "reason"), CASES)
def test_the_attribute_at_fault_is_named(pattern: dict[str, Any], item: dict[str, Any], reason: str) -> None:
    found = one(match=pattern)
    assert not found.matches(event(item))
    (said,) = why_not(found, event(item))
    assert said.endswith(reason)


def test_only_what_differs_is_named() -> None:
    assert why_not(one(match={"a": [1], "b": [2]}), event({"a": 1, "b": 3})) == ["b is 3; wanted: b is 2"]


def test_a_route_that_matches_has_no_reason() -> None:
    for pattern, item in (({}, {}), ({"a": {"b": [1]}}, {"a": {"b": 1}}), ({"$or": [{"a": [1]}]}, {"a": 1})):
        assert why_not(one(match=pattern), event(item)) == []


def test_table_and_event_come_first() -> None:
    assert why_not(one(table="users", match={"a": [1]}), event({"a": 2})) == ["it is for the table users"]
    assert why_not(one(on=["MODIFY", "REMOVE"]), event({})) == ["it is for MODIFY and REMOVE, not for INSERT"]


def test_the_item_before_the_change() -> None:
    found = one(on="MODIFY", match_old={"paid": [False]})
    assert why_not(found, event({}, {"paid": True}, "MODIFY")) == [
        "before the change, paid is true; wanted: paid is false"
    ]
    assert why_not(found, event({}, None, "MODIFY")) == ["it reads paid, which this event does not carry"]


def test_what_the_keys_alone_decide_agrees_with_the_owner() -> None:
    found = one(on="REMOVE", match={"id": [7]})
    assert Routes([found]).owner(event(None, None, "REMOVE")) is found
    assert why_not(found, event(None, None, "REMOVE")) == []


def test_a_pattern_in_words() -> None:
    pattern = {"kind": ["a"], "a": {"b": {"c": [None, True]}}, "$or": [{"x": [1], "y": [2]}, {"z": [b"12"]}]}
    assert pattern_in_words(pattern) == ["kind is “a”", "a.b.c is null or true", "(x is 1, y is 2) or (z is 2 bytes)"]


def test_a_long_value_is_shortened_and_stays_on_one_line() -> None:
    (said,) = why_not(one(match={"a": [1]}), event({"a": "x\n" * 500}))
    assert "\n" not in said
    assert len(said) < 150
