"""Errors that a simulated API answers with."""

from collections.abc import Callable
from functools import partial
from typing import Any

from simulators.http.replies import Delayed, Reply, Response


class ApiError(Exception):
    """An error of the simulated API. `str(error)` is "CODE: MESSAGE".

    `status` is the HTTP status of the response; None means the usual one for the code in that API.
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def not_serializable(message: str) -> ApiError:
    """Return the error for a request that is not JSON, or has a member of a wrong type."""
    return ApiError("SerializationException", message)


def catch_errors(
    make: Callable[[], Reply],
    to_response: Callable[[Any], Response],
    errors: tuple[type[Exception], ...] = (ApiError,),
) -> Reply:
    """Return the reply of `make`, or `to_response(error)` if it raises one of `errors`, at once or after a delay."""
    try:
        reply = make()
    except errors as error:
        return to_response(error)
    if isinstance(reply, Delayed):
        return Delayed(reply.seconds, partial(catch_errors, reply.make, to_response, errors))
    return reply
