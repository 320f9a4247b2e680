"""Faults of APNs: refusals, lost answers, connections that end."""

from dataclasses import dataclass, field
from typing import Literal

Then = Literal[
    "refuse",
    "refuse_stream",
    "goaway",
    "accept_then_cut",
    "accept_then_hang",
    "accept_then_goaway",
    "accept_then_goaway_and_cut",
    "accept_then_cut_body",
]


@dataclass(slots=True)
class ApnsFault:
    """It refuses with `status` and `reason`, quoting the request, or does `then`, for the next `times` requests.

    `refuse_stream` and `goaway` do not process the request, and say so; a GOAWAY ends the connection. With
    `accept_then_goaway` the GOAWAY names the request as processed, and its answer follows; with `..._and_cut` it does
    not. `contains` is a text in the request, empty for any.
    """

    status: int = 500
    reason: str = ""
    then: Then = "refuse"
    contains: str = ""
    times: int | None = None
    body: bytes | None = None
    """Instead of the body that APNs would send."""
    fired: int = field(default=0, init=False)

    def fires(self, text: str) -> bool:
        if self.contains not in text or self.fired == self.times:
            return False
        self.fired += 1
        return True
