"""What the server does with a request: answer it, or break off in one of the ways a network can."""

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
    """Reset the connection (RST) without a word."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """Keep the connection open and never answer."""


@dataclass(frozen=True, slots=True)
class Truncated:
    """Announce all of `response`, send half of its body, close."""

    response: Response


@dataclass(frozen=True, slots=True)
class Delayed:
    """After `seconds`, do what `then` says."""

    seconds: float
    then: Callable[[], "Reply"]


Reply: TypeAlias = "Response | Reset | NoReply | Truncated | Delayed"


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, orjson.dumps(value))
