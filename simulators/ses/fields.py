"""Typed reading of a decoded JSON request. What has the wrong type is the client's error, never ours."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

from simulators.ses.errors import ApiError, bad_request

T = TypeVar("T")
Json = Mapping[str, Any]


def decode(body: bytes) -> Json:
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
    return _typed("request", value, dict)


def take(source: Json, name: str, kind: type[T]) -> T | None:
    """The member, or None where it is absent or null."""
    value = source.get(name)
    return None if value is None else _typed(name, value, kind)


def need(source: Json, name: str, kind: type[T]) -> T:
    value = source.get(name)
    if value is None:
        raise bad_request(f"1 validation error detected: Value at '{name}' failed: Member must not be null")
    return _typed(name, value, kind)


def take_number(source: Json, name: str) -> float | None:
    value = source.get(name)
    if value is None or (isinstance(value, int | float) and value >= 0):
        return value
    raise ApiError("SerializationException", f"'{name}' must be a number, 0 or more; not {value!r:.40}")


def take_all(source: Json, name: str, kind: type[T]) -> list[T]:
    """The members of a list; absent is empty."""
    values = source.get(name)
    if values is None:
        return []
    return [_typed(name, value, kind) for value in _typed(name, values, list)]


def _typed(name: str, value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise ApiError("SerializationException", f"'{name}' must be {kind.__name__}, not {value!r:.40}")
    return value
