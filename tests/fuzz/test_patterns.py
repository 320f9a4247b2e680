"""Whatever a route's pattern says: it is refused when the routes are loaded, or it answers for every item."""

from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifier.errors import DecodeError, RoutesError
from notifier.events import Event
from notifier.routes.conditions import _CONDITIONS
from notifier.routes.matching import compile_match
from tests.bridge.stream.records import record
from tests.fuzz.records import odd_records, texts

TABLE = "activity"
NAMES = ["a", "b", "type", "pk"]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.binary(max_size=3) | texts
    | st.sampled_from([Decimal("sNaN"), 10**4_000, "a*b", "*" * 50, ">", "<=", "="])
)  # fmt: skip
conditions = st.deferred(
    lambda: (
        scalars
        | st.dictionaries(st.sampled_from([*_CONDITIONS, "prefx"]), arguments, min_size=1, max_size=2)
        | st.builds(lambda bounds: {"numeric": bounds}, st.tuples(st.sampled_from([">", "<=", "=", "~"]), scalars))
    )
)
arguments = scalars | st.lists(scalars, max_size=4) | conditions
patterns = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), st.lists(conditions, max_size=3) | conditions, max_size=3) | scalars,
    lambda inner: (
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
        | st.builds(lambda several: {"$or": several}, st.lists(inner, max_size=3))
    ),
    max_leaves=4,
)


def deep(levels: int) -> Any:
    made: Any = ["x"]
    for _ in range(levels):
        made = {"a": made}
    return made


@settings(max_examples=100)
@given(patterns, odd_records())
@example({"a": [{"numeric": [">", float("nan")]}]}, record(1, a={"N": "1"}))
@example({"a": [Decimal("sNaN")]}, record(1, a={"N": "1"}))
@example({"a": [float("nan")]}, record(1))
@example({"a": [{"numeric": ["<", 10**4_000]}, 10**4_000]}, record(1, a={"N": "9E+125"}))
@example({"a": [{"numeric": ["<=", float("inf")]}]}, record(1, a={"N": "1"}))
@example({"a": [{"anything-but": {"anything-but": {"wildcard": "*"}}}]}, record(1, a={"SS": ["\ud800"]}))
@example(deep(200), record(1, a={"M": {"a": {"L": []}}}))
def test_a_pattern_is_refused_at_once_or_answers_for_every_item(pattern: Any, came: dict[str, Any]) -> None:
    try:
        matches = compile_match(TABLE, ["INSERT"], pattern, {})
        event = Event.from_record(TABLE, came)
    except (RoutesError, DecodeError):
        return
    assert matches(event) in (True, False)
