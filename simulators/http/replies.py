"""What the server does with a request: send a response, or fail in one of the ways in which a network can."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import orjson


class Response(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection (RST) without a response."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """Keep the connection open and never answer."""


@dataclass(frozen=True, slots=True)
class Truncated:
    """Send the headers of `response` and half of its body, then close."""

    response: Response


@dataclass(frozen=True, slots=True)
class Delayed:
    """Wait `seconds`, then call `make` and do what it returns."""

    seconds: float
    make: Callable[[], "Reply"]


Reply: TypeAlias = "Response | Reset | NoReply | Truncated | Delayed"


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(value))
