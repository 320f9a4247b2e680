"""Ends a measurement whose processes make no progress any more."""

import time
from collections.abc import Callable

from notifier.errors import NotifierError

STALLED_SECONDS = 60.0


class Stall:
    """Watches a figure that changes for as long as there is progress.

    stall = Stall()
    while (left := depth()):
        stall.note(left, "{} messages are left")
    """

    def __init__(self, seconds: float = STALLED_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: object = None
        self._since = clock()

    def note(self, figure: object, what: str) -> None:
        """Raise NotifierError if the figure has not changed for so many seconds. The error says `what` it is."""
        now = self._clock()
        if figure != self._last:
            self._last, self._since = figure, now
        elif now - self._since > self._seconds:
            raise NotifierError(f"nothing changes for {self._seconds:g} seconds: {what.format(figure)}")
