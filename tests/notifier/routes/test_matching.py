from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import RoutesError
from notifier.routes.matching import compile_pattern

ITEM = {
    "type": "friend_request",
    "n": 5,
    "price": Decimal("9.99"),
    "muted": False,
    "gone": None,
    "tags": frozenset({"a", "b"}),
    "list": ["x", 7, {"deep": 1}],
    "address": {"city": "Lisbon", "zip": "1000"},
    "text": "line\nbreak",
}

MATCHES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"type": ["friend_request", "other"]}, True),
    ({"type": ["other"]}, False),
    ({"n": [5]}, True),
    ({"n": [5.0]}, True),
    ({"n": [Decimal(5)]}, True),
    ({"n": ["5"]}, False),
    ({"price": [9.99]}, True),
    ({"muted": [False]}, True),
    ({"muted": [0]}, False),
    ({"gone": [None]}, True),
    ({"not there": [None]}, False),
    ({"tags": ["b"]}, True),
    ({"tags": ["c"]}, False),
    ({"list": [7]}, True),
    ({"list": ["deep"]}, False),
    ({"address": {"city": ["Lisbon"]}}, True),
    ({"address": {"city": ["Porto"]}}, False),
    ({"address": ["Lisbon"]}, False),
    ({"type": {"city": ["Lisbon"]}}, False),
    ({"type": [{"prefix": "friend"}]}, True),
    ({"type": [{"prefix": "request"}]}, False),
    ({"type": [{"suffix": "request"}]}, True),
    ({"n": [{"prefix": "5"}]}, False),
    ({"tags": [{"prefix": "a"}]}, True),
    ({"type": [{"equals-ignore-case": "FRIEND_request"}]}, True),
    ({"type": [{"wildcard": "f*_*t"}]}, True),
    ({"type": [{"wildcard": "f*x"}]}, False),
    ({"text": [{"wildcard": "line*break"}]}, True),
    ({"type": [{"wildcard": "friend.request"}]}, False),
    ({"n": [{"numeric": [">", 4, "<=", 5]}]}, True),
    ({"n": [{"numeric": [">", 5]}]}, False),
    ({"price": [{"numeric": ["=", 9.99]}]}, True),
    ({"muted": [{"numeric": [">=", 0]}]}, False),
    ({"type": [{"numeric": [">", 0]}]}, False),
    ({"type": [{"anything-but": "spam"}]}, True),
    ({"type": [{"anything-but": ["spam", "friend_request"]}]}, False),
    ({"type": [{"anything-but": {"prefix": "friend"}}]}, False),
    ({"not there": [{"anything-but": "spam"}]}, False),
    ({"not there": [{"exists": False}]}, True),
    ({"gone": [{"exists": True}]}, True),
    ({"type": [{"exists": False}]}, False),
    ({"type": ["other", {"prefix": "fri"}]}, True),
    ({"type": ["friend_request"], "n": [6]}, False),
    ({"$or": [{"n": [6]}, {"type": ["friend_request"]}]}, True),
    ({"$or": [{"n": [6]}, {"n": [7]}]}, False),
    ({"$or": [{"n": [5]}, {"n": [7]}], "muted": [True]}, False),
]


@pytest.mark.parametrize(("pattern", "matches"), MATCHES)
def test_a_pattern_matches_as_in_eventbridge(pattern: dict[str, Any], matches: bool) -> None:
    assert compile_pattern(pattern, "match")(ITEM) is matches


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ({"type": "friend_request"}, "match['type'] must be a list"),
        ({"type": []}, "match['type'] must be a list"),
        ({"type": [["nested"]]}, "compares with ['nested']"),
        ({"type": [{"prefx": "a"}]}, "there are anything-but, equals-ignore-case, exists"),
        ({"type": [{"prefix": 1}]}, "match['type']: prefix needs text"),
        ({"type": [{"prefix": ""}]}, "needs text"),
        ({"type": [{"prefix": "a", "suffix": "b"}]}, "a condition has one name"),
        ({"n": [{"numeric": [">"]}]}, "needs one or two comparisons"),
        ({"n": [{"numeric": ["><", 1]}]}, "cannot compare by '><'"),
        ({"n": [{"numeric": [">", "1"]}]}, "cannot compare by '>' with '1'"),
        ({"n": [{"exists": "yes"}]}, "needs True or False"),
        ({"address": {"city": "Lisbon"}}, "match['address']['city'] must be a list"),
        ({"$or": {"a": [1]}}, "match['$or'] must be a list of patterns"),
        ({"$or": [{"a": 1}]}, "match['$or'][0]['a']"),
        ({7: ["x"]}, "has 7 as an attribute"),
        ("type", "match must be a mapping"),
    ],
)
def test_a_pattern_that_could_never_match_is_refused_when_it_is_loaded(pattern: Any, says: str) -> None:
    with pytest.raises(RoutesError) as error:
        compile_pattern(pattern, "match")
    assert says in str(error.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.text()),
    max_leaves=5,
)


@given(st.sampled_from([pattern for pattern, _ in MATCHES]), st.dictionaries(st.sampled_from(sorted(ITEM)), values))
def test_matching_raises_for_no_item(pattern: dict[str, Any], item: dict[str, Any]) -> None:
    assert compile_pattern(pattern, "match")(item) in (True, False)


@given(st.text(min_size=1), st.text())
def test_prefix_agrees_with_python(prefix: str, text: str) -> None:
    assert compile_pattern({"a": [{"prefix": prefix}]}, "match")({"a": text}) == text.startswith(prefix)
