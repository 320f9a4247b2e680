"""What a server answers to a request by HTTP/2. Pure, and without the library, which may not be installed."""

from collections.abc import Mapping
from typing import NamedTuple


class ApnsResponse(NamedTuple):
    """The names of `headers` are in lower case. `body` may be incomplete."""

    status: int
    headers: Mapping[str, str]
    body: bytes
