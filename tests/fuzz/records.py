"""Stream records as they should not be: odd values in whole records, and records with something broken in them."""

import base64
from typing import Any

from hypothesis import strategies as st

from tests.bridge.stream.records import record

texts = st.text(st.characters(categories=None), max_size=30) | st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "\udcff\ud800",
        "\ufeff",
        "\u202e",
        "a\r\nb",
        "\N{COLLISION SYMBOL}",
        "x" * 5_000,
        "é" * 5_000,
    ]
)
numbers = st.sampled_from(
    ["0", "-0", "9" * 38, "1E-130", "9.99E+125", "1E+999999999", "0E+999999999", "NaN", "-Infinity", "sNaN", "1_000",
     " 7 ", "٣", "0x10", "1e", "", "9" * 5_000, "1." + "9" * 5_000]
) | st.integers().map(str) | st.floats().map(str) | st.decimals().map(str)  # fmt: skip
binaries = st.binary(max_size=20).map(lambda value: base64.b64encode(value).decode()) | texts


def _deeper(inner: Any) -> Any:
    return st.fixed_dictionaries({"L": st.lists(inner, max_size=3)}) | st.fixed_dictionaries(
        {"M": st.dictionaries(texts, inner, max_size=3)}
    )


values = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"S": texts}),
        st.fixed_dictionaries({"N": numbers}),
        st.fixed_dictionaries({"B": binaries}),
        st.fixed_dictionaries({"BOOL": st.booleans()}),
        st.fixed_dictionaries({"NULL": st.booleans()}),
        st.fixed_dictionaries({"SS": st.lists(texts, max_size=3)}),
        st.fixed_dictionaries({"NS": st.lists(numbers, max_size=3)}),
        st.fixed_dictionaries({"BS": st.lists(binaries, max_size=3)}),
    ),
    _deeper,
    max_leaves=6,
)
"""Attribute values in DynamoDB's JSON."""

nonsense = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
"""Any JSON, as it is read off the wire."""

DEEP = 140
"""Twice as many levels are more than orjson writes."""


@st.composite
def odd_records(draw: st.DrawFn) -> dict[str, Any]:
    """A record whose attributes are odd, each by itself."""
    return record(1, **draw(st.dictionaries(st.sampled_from(["a", "b", "type", "pk"]), values, max_size=3)))


@st.composite
def broken_records(draw: st.DrawFn) -> Any:
    """A record with something in it, or all of it, replaced by nonsense or taken away."""
    made: Any = draw(odd_records())
    path = draw(st.sampled_from([(), ("dynamodb",), ("dynamodb", "NewImage"), ("dynamodb", "NewImage", "pk")]))
    if not path and draw(st.booleans()):
        return draw(nonsense)
    place = made
    for name in path:
        place = place[name]
    name = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        del place[name]
    else:
        place[name] = draw(nonsense | st.just(nested(DEEP)))
    return made


def nested(lists: int) -> Any:
    made: Any = {"S": "the bottom"}
    for _ in range(lists):
        made = {"L": [made]}
    return made
