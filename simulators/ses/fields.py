"""Members of a request to SES, beside those functions of `simulators.shared.fields` that suit both APIs."""

from typing import TypeVar

from simulators.ses.errors import bad_request
from simulators.shared.fields import Json, missing, take, take_all

T = TypeVar("T")


def need(source: Json, name: str, kind: type[T]) -> T:
    """Return the member `name`. Raise ApiError if it is absent or null."""
    value = take(source, name, kind)
    if value is None:
        raise bad_request(missing(name))
    return value


def named_values(source: Json, name: str) -> tuple[tuple[str, str], ...]:
    """Return a list of {"Name", "Value"}, in order: headers or tags."""
    return tuple((need(item, "Name", str), need(item, "Value", str)) for item in take_all(source, name, dict))
