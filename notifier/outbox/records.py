"""A stream record as JSON: read off the wire, kept in the outbox, read again. What is odd in it stays as it is."""

import json
import math
from typing import Any

import orjson

_LONGEST = 20  # characters of an integer of 64 bits


def parse(wire: bytes) -> Any:
    """The value of this JSON. Raises ValueError.

    orjson takes neither half a surrogate pair nor bytes that are no UTF-8, and one such text must not cost a page. A
    number that is none stays text.
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
    """As orjson has it: beyond 64 bits a float."""
    if len(text) <= _LONGEST and -(2**63) <= (number := int(text)) < 2**64:
        return number
    return _finite(text)


def write(value: object) -> bytes:
    """JSON of which `parse` makes the same value again."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate pair, an integer beyond 64 bits, or more than 254 levels
        return "".join(_pieces(value)).encode()


class _Piece(str):
    __slots__ = ()


def _pieces(value: object) -> list[str]:
    """Without recursion: what could be read can be written."""
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
    """One before each but the first, from the last to the first."""
    return [","] * (count - 1) + [""] * min(count, 1)
