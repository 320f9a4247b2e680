"""The origins of the notifications that this process handles. Empty where nothing is traced."""

import threading
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from notifier.tracing.origin import Origin

_MOST = 20_000
"""About 10 MB. Of more notifications the oldest are forgotten: their further steps have no span."""


class Traced(NamedTuple):
    """A notification whose item names a trace."""

    origin: Origin
    route: str


class Origins:
    """The last notifications with an origin, by their ids. Safe to share between threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._traced: dict[UUID, Traced] = {}

    def add(self, found: Mapping[UUID, Traced]) -> None:
        with self._lock:
            self._traced |= found
            while len(self._traced) > self._most:
                del self._traced[next(iter(self._traced))]

    def get(self, notification: UUID) -> Traced | None:
        return self._traced.get(notification)

    def of_text(self, notification: object) -> Traced | None:
        """Return that of an id as a log line has it."""
        if not self._traced or not isinstance(notification, str):
            return None
        try:
            return self._traced.get(UUID(notification))
        except ValueError:
            return None

    def clear(self) -> None:
        with self._lock:
            self._traced.clear()

    def __len__(self) -> int:
        return len(self._traced)


ORIGINS = Origins()
"""Those of this process: its spans and its log lines use them."""
