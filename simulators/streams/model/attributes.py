"""Items: Python values in the JSON of DynamoDB, and their size as DynamoDB counts it."""

import base64
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

from simulators.shared.errors import invalid

Wire = Mapping[str, Any]
"""A value in the JSON of DynamoDB: `{"S": "text"}`, `{"N": "1"}`, `{"M": {...}}`."""

_ELEMENT = 1
_DOCUMENT = 3


def attributes(item: Mapping[str, object]) -> dict[str, Wire]:
    """Raise ApiError for a value that DynamoDB cannot store."""
    return {name: attribute(value) for name, value in item.items()}


def attribute(value: object) -> Wire:
    try:
        return _WIRES[type(value)](value)
    except KeyError:
        raise invalid(f"DynamoDB cannot hold {value!r:.60}") from None


def checked(item: Mapping[str, Any]) -> dict[str, Wire]:
    """Return the same item. Raise ApiError if it is not in the JSON of DynamoDB."""
    try:
        item_size(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise invalid(f"Supplied AttributeValue is not one of DynamoDB's JSON: {item!r:.100}") from None
    return dict(item)


def item_size(item: Mapping[str, Wire]) -> int:
    """Return the bytes of names and values, approximately as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _number(value: object) -> Wire:
    return {"N": str(value)}


def _list(values: list[object]) -> Wire:
    return {"L": [attribute(each) for each in values]}


def _set(values: AbstractSet[object]) -> Wire:
    wires = [attribute(each) for each in values]
    kinds = {kind for wire in wires for kind in wire}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise invalid(f"a set holds texts, numbers or bytes, and one at least; not {values!r:.60}")
    (kind,) = kinds
    return {f"{kind}S": sorted(wire[kind] for wire in wires)}


def _size(value: Wire) -> int:
    ((kind, content),) = value.items()
    return _SIZES[kind](content)


def _set_size(kind: str) -> Callable[[list[str]], int]:
    return lambda content: sum(_SIZES[kind](each) for each in content)


_WIRES: dict[type, Callable[[Any], Wire]] = {
    type(None): lambda _: {"NULL": True},
    bool: lambda value: {"BOOL": value},
    str: lambda value: {"S": value},
    int: _number,
    float: _number,
    Decimal: _number,
    bytes: lambda value: {"B": base64.b64encode(value).decode()},
    dict: lambda value: {"M": attributes(value)},
    list: _list,
    tuple: _list,
    set: _set,
    frozenset: _set,
}

_SIZES: dict[str, Callable[[Any], int]] = {
    "NULL": lambda _: 1,
    "BOOL": lambda _: 1,
    "S": lambda content: len(content.encode()),
    "N": lambda content: len(content) // 2 + 1,
    "B": lambda content: len(content) * 3 // 4,
    "SS": _set_size("S"),
    "NS": _set_size("N"),
    "BS": _set_size("B"),
    "M": lambda content: _DOCUMENT + item_size(content) + _ELEMENT * len(content),
    "L": lambda content: _DOCUMENT + sum(_ELEMENT + _size(each) for each in content),
}
