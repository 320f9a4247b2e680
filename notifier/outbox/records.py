"""Stream records as JSON: as GetRecords returns them and as the outbox stores them. Also JSON that orjson refuses."""

import json
import math
from typing import Any

import orjson

_LONGEST = 20
"""Characters of an integer of 64 bits."""


def parse(wire: bytes) -> Any:
    """Return the value of this JSON. Raises ValueError.

    orjson refuses half a surrogate pair and bytes that are not UTF-8. One such text must not make a whole page
    unreadable, so the standard library then reads it. NaN and infinite numbers become text.
    """
    try:
        return orjson.loads(wire)
    except ValueError:
        try:
            text = wire.decode("utf-8", "surrogateescape")
            return json.loads(text, parse_constant=str, parse_float=_finite, parse_int=_whole)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _finite(text: str) -> float | str:
    return number if math.isfinite(number := float(text)) else text


def _whole(text: str) -> int | float | str:
    """A float for an integer beyond 64 bits, as orjson does."""
    if len(text) <= _LONGEST and -(2**63) <= (number := int(text)) < 2**64:
        return number
    return _finite(text)


def write(value: object) -> bytes:
    """Return JSON from which `parse` makes the same value again."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, an integer beyond 64 bits, or more than 254 levels
        return "".join(_pieces(value)).encode()


class _Piece(str):
    __slots__ = ()


def _pieces(value: object) -> list[str]:
    """The parts of the JSON. Without recursion, so that no depth of nesting that `parse` accepts fails here."""
    done: list[str] = []
    todo: list[object] = [value]
    while todo:
        match todo.pop():
            case _Piece() as piece:
                done.append(piece)
            case dict() as members:
                todo.append(_Piece("}"))
                for comma, (name, member) in zip(_commas(len(members)), reversed(members.items()), strict=True):
                    todo += [member, _Piece(f"{comma}{json.dumps(str(name))}:")]
                todo.append(_Piece("{"))
            case list() as elements:
                todo.append(_Piece("]"))
                for comma, element in zip(_commas(len(elements)), reversed(elements), strict=True):
                    todo += [element, _Piece(comma)]
                todo.append(_Piece("["))
            case scalar:
                done.append(json.dumps(scalar))
    return done


def _commas(count: int) -> list[str]:
    """The separators of so many members, from the last to the first."""
    return [","] * (count - 1) + [""] * min(count, 1)
