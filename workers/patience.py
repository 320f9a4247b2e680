"""Repeats what the database did not do. For steps that are idempotent."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from notifier.database import DatabaseError, cause, is_away
from notifier.errors import Unreachable

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_WAIT = 0.05  # seconds


class Patience:
    """For one step. `again` says which errors are worth another try, `waiting` is told of each."""

    def __init__(
        self,
        seconds: float,
        *,
        again: Callable[[DatabaseError], bool] = is_away,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._seconds = seconds
        self._again = again
        self._waiting = waiting
        self.repeated = False
        """An earlier try failed: it may have been done all the same, with its answer lost."""

    def run(self, step: Callable[[], T]) -> T:
        """Raises Unreachable where the database stays away, and what is not worth another try."""
        deadline = time.monotonic() + self._seconds
        wait = _FIRST_WAIT
        while True:
            try:
                return step()
            except DatabaseError as error:
                if not self._again(error):
                    raise
                if time.monotonic() + wait > deadline:
                    raise Unreachable(f"the database stays away: {cause(error)}") from error
                if wait == _FIRST_WAIT:
                    log.warning("waiting for the database", seconds=self._seconds, reason=cause(error))
            self.repeated = True
            self._waiting()
            time.sleep(wait)
            wait = min(wait * 2, 2.0)
