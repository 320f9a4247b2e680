"""Read a decoded JSON request with types. Every function raises ApiError if a value has the wrong type."""

from collections.abc import Collection, Mapping
from types import UnionType
from typing import Any, TypeAlias, TypeVar, get_args

import orjson

from simulators.shared.errors import invalid, not_serializable

T = TypeVar("T")
Json = Mapping[str, Any]
Kind: TypeAlias = "type | UnionType"


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; an empty body is an empty object."""
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise not_serializable(f"The request is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise not_serializable(f"The request must be an object, not {value!r:.40}")
    return value


def take(source: Json, name: str, kind: type[T]) -> T | None:
    """Return the member `name`; None if it is absent or null."""
    value = source.get(name)
    return None if value is None else _typed(name, value, kind)


def take_all(source: Json, name: str, kind: type[T]) -> list[T]:
    """Return the elements of the list `name`; empty if it is absent or null."""
    return [_typed(name, value, kind) for value in take(source, name, list) or ()]


def missing(name: str) -> str:
    """Return the message of AWS for a required member that is absent or null."""
    return f"1 validation error detected: Value at '{name}' failed: Member must not be null"


def take_members(source: Json, kinds: Mapping[str, Kind], required: Collection[str] = ()) -> dict[str, Any]:
    """Return the members that `kinds` names, without those that are absent. Other members are ignored, as AWS does.

    Null counts as absent, except for a kind that allows None. Raise ApiError if a required member is absent.
    """
    found = {name: source[name] for name, kind in kinds.items() if name in source}
    found = {name: value for name, value in found.items() if value is not None or _has_kind(None, kinds[name])}
    for name in required:
        if name not in found:
            raise invalid(missing(name))
    return {name: _typed(name, value, kinds[name]) for name, value in found.items()}


def take_only_members(source: Json, kinds: Mapping[str, Kind], required: Collection[str] = ()) -> dict[str, Any]:
    """As `take_members`, but raises ApiError if there are other members."""
    if unknown := sorted(set(source) - set(kinds)):
        raise invalid(f"{', '.join(unknown)}: no such member; there are {', '.join(kinds) or 'none'}")
    return take_members(source, kinds, required)


def check_between(name: str, value: int | None, lowest: int, highest: int) -> None:
    """Raise the error of AWS for a number outside of its limits; None is allowed."""
    if value is None or lowest <= value <= highest:
        return
    rule = f"less than or equal to {highest}" if value > highest else f"greater than or equal to {lowest}"
    raise invalid(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have value {rule}"
    )


def _typed(name: str, value: Any, kind: Kind) -> Any:
    if not _has_kind(value, kind):
        raise not_serializable(f"'{name}' cannot be {value!r:.40}")
    return value


def _has_kind(value: object, kind: Kind) -> bool:
    """Return whether the value has this type. An int is a float, too; True and False are no numbers."""
    kinds = get_args(kind) or (kind,)
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (isinstance(value, int) and float in kinds)
