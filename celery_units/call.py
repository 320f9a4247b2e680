"""The call that a message holds: its arguments, and what comes after it. Whether the message can run in a unit."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from celery.exceptions import InvalidTaskError

from celery_units.malformed import are_texts

_JSON = ("application/json", "utf-8")
_NAME = (str, type(None))


def payload_of(message: Any) -> Any:
    """Decode the body as kombu does; JSON in a tenth of its time. Raises InvalidTaskError."""
    if (message.content_type, message.content_encoding) != _JSON:
        return message.payload
    try:
        return orjson.loads(message.body)
    except ValueError as error:
        raise InvalidTaskError(f"not JSON: {error}") from None


def is_plain_call(headers: Mapping[str, Any], payload: Any) -> bool:
    """Whether the message can run in a unit: it has no ETA, no time limit of its own, no callback, chain or chord.

    False also for messages in Celery's older protocols. Raises InvalidTaskError if it is no message of Celery.
    """
    match payload:
        case dict():
            return False
        case [list(), dict(), dict() | None as after] if "id" in headers:
            limits = headers.get("timelimit")
            return headers.get("eta") is None and limits in (None, [None, None]) and not any((after or {}).values())
        case _:
            raise InvalidTaskError("not a call with arguments")


def names_are_text(headers: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    """Whether a message can harm no other of its unit: what is looked up of all of them at once is text.

    Raises AttributeError if there is another value where an object belongs, ValueError if the id is no Unicode.
    """
    id_, info = headers.get("id"), properties.get("delivery_info") or {}
    return (
        type(id_) is str
        and bool(id_.encode())
        and type(info.get("routing_key")) in _NAME
        and type(headers.get("shadow")) in _NAME
        and (not headers.get("stamped_headers") or _are_stamps(headers["stamped_headers"], headers.get("stamps")))
    )


def _are_stamps(names: Any, stamps: Any) -> bool:
    return are_texts(names) and isinstance(stamps, dict | None)


def usual_call(message: Mapping[str, Any], decode_body: Callable[[str, Any], Any]) -> list[Any] | None:
    """Return the call of a message as it is in Redis. None if it is no plain call, expires, or cannot be read."""
    try:
        headers, properties = message["headers"], message["properties"]
        if (message["content-type"], message["content-encoding"]) != _JSON or "compression" in headers:
            return None
        call: list[Any] = orjson.loads(decode_body(message["body"], properties.get("body_encoding")))
        is_usual = is_plain_call(headers, call) and headers.get("expires") is None
        usual = is_usual and names_are_text(headers, properties)
    except (InvalidTaskError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return call if usual else None
