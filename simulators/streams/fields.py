"""Typed reading of a decoded JSON request. What has the wrong type is the client's error, never ours."""

from collections.abc import Collection, Mapping
from types import UnionType
from typing import Any, TypeAlias, get_args

import orjson

from simulators.streams.errors import ApiError, invalid

Json = Mapping[str, Any]
Kind: TypeAlias = "type | UnionType"


def decode(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError("SerializationException", f"The request must be an object, not {value!r:.40}")
    return value


def only(body: Json, kinds: Mapping[str, Kind], needed: Collection[str] = ()) -> dict[str, Any]:
    """The members, each of its kind, and no others. Null is as absent, except where the kind allows it. Raises
    ApiError naming what is wrong.
    """
    if unknown := sorted(set(body) - set(kinds)):
        raise invalid(f"{', '.join(unknown)}: no such member; there are {', '.join(kinds) or 'none'}")
    return some(body, kinds, needed)


def some(body: Json, kinds: Mapping[str, Kind], needed: Collection[str] = ()) -> dict[str, Any]:
    """As `only`, but others are ignored, as AWS does."""
    found = {name: body[name] for name, kind in kinds.items() if name in body and _counts(body[name], kind)}
    for name in needed:
        if name not in found:
            raise invalid(f"1 validation error detected: Value at '{name}' failed: Member must not be null")
    for name, value in found.items():
        if not _is(value, kinds[name]):
            raise ApiError("SerializationException", f"'{name}' cannot be {value!r:.40}")
    return found


def between(name: str, value: int | None, lowest: int, highest: int) -> None:
    """Raises what AWS says of a number that is too small or too large."""
    if value is None or lowest <= value <= highest:
        return
    rule = f"less than or equal to {highest}" if value > highest else f"greater than or equal to {lowest}"
    raise invalid(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {rule}"
    )


def _counts(value: object, kind: Kind) -> bool:
    return value is not None or type(None) in get_args(kind)


def _is(value: object, kind: Kind) -> bool:
    kinds = get_args(kind) or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (isinstance(value, int) and float in kinds)
