"""Every address of every page, with parameters that a test can ask for."""

import re
from collections.abc import Mapping

from web.console.page import Endpoint

EXAMPLES: Mapping[str, str] = {
    "channel": "email",
    "key": "a-frame-that-is-not-kept",
    "id": "019b0000-0000-8000-8000-000000000000",
    "number": "1",
    "shard": "1",
    "verb": "redrive",
}
"""A value for each parameter of an address. A page with a parameter of a new name adds it here."""


def address(endpoint: Endpoint, values: Mapping[str, str] = EXAMPLES) -> str:
    return filled(endpoint.path, values)


def filled(path: str, values: Mapping[str, str] = EXAMPLES) -> str:
    """Return the path of a route with values for its parameters."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found[1]], path)
