"""Inline templates of SES: `{{name}}` is replaced by a value. Values are not escaped, and not rendered again."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from simulators.ses.errors import bad_request
from simulators.ses.limits import check_template_data

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_-]+)\s*\}\}")

Values = Mapping[str, Any]


class MissingAttribute(Exception):
    """A placeholder has no value. SES accepts such a mail and publishes the event Rendering Failure later."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Attribute '{name}' is not present in the rendering data.")


class Template:
    """One part of a mail (subject, text or HTML), parsed once for all entries of a bulk call."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        # Literals at even places, names of placeholders at odd ones.
        self._parts = _PLACEHOLDER.split(text)

    def fill(self, values: Values) -> str:
        """Return the text with all placeholders replaced. Raise MissingAttribute."""
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        filled = parts.copy()
        for index in range(1, len(parts), 2):
            try:
                filled[index] = _text(values[parts[index]])
            except KeyError:
                raise MissingAttribute(parts[index]) from None
        return "".join(filled)


def template_data(data: str | None) -> Values:
    """Return the values in a request's template data. Raise ApiError if it is too long or is not a JSON object."""
    if not data:
        return {}
    check_template_data(data)
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"Template data is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise bad_request("Template data must be a JSON object")
    return values


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
