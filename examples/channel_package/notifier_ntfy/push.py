"""What a route on the channel `ntfy` returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Push:
    """Send the file `ntfy.txt` of a template to all subscribers of the topic `to`."""

    to: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    locale: str | None = None
    title: str | None = None
    priority: int = 3
