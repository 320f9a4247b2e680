"""Faults of a push service: refusals, lost answers, connections that end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class PushFault:
    """It refuses with `status` and `code`, quoting the request, or does `then`.

    `accept_then_cut` and `accept_then_hang` keep the push first. `contains` is a text in the request, empty for any.
    """

    status: int = 500
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    then: Literal["refuse", "accept_then_cut", "accept_then_hang"] = "refuse"
    contains: str = ""
