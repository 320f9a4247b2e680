"""Repeats what the database did not do. For steps that are idempotent."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from notifier.database.errors import DatabaseError, cause, is_away
from notifier.errors import Unreachable
from notifier.health import WriteHealth
from notifier.outbox import Change
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_WAIT = 0.05  # seconds

RECORDING = WriteHealth()
"""Whether this process can write to the database."""


class DatabaseRetry:
    """For one step. `again` says which errors are worth another try, `waiting` is told of each.

    Once `stop` is set it goes on for `after_stop` seconds at most.
    """

    def __init__(
        self,
        seconds: float,
        *,
        again: Callable[[DatabaseError], bool] = is_away,
        waiting: Callable[[], None] = lambda: None,
        stop: Stop | None = None,
        after_stop: float = 0.0,
    ) -> None:
        self._seconds = seconds
        self._again = again
        self._waiting = waiting
        self._stop = Stop() if stop is None else stop
        self._after_stop = after_stop
        self.repeated = False
        """An earlier try failed: it may have been done all the same, with its answer lost."""

    def run(self, step: Callable[[], T]) -> T:
        """Raises Unreachable where the database stays away, and what is not worth another try."""
        deadline = time.monotonic() + self._seconds
        wait, ending = _FIRST_WAIT, False
        while True:
            try:
                done = step()
            except DatabaseError as error:
                if not self._again(error):
                    raise
                RECORDING.failed(cause(error))
                if self._stop.is_set() and not ending:
                    ending, deadline = True, min(deadline, time.monotonic() + self._after_stop)
                if time.monotonic() + wait > deadline:
                    raise Unreachable(f"the database stays away: {cause(error)}") from error
                if wait == _FIRST_WAIT:
                    log.warning("waiting for the database", seconds=self._seconds, reason=cause(error))
            else:
                RECORDING.worked()
                return done
            self.repeated = True
            self._waiting()
            if ending:
                time.sleep(wait)
            else:
                self._stop.wait(wait)
            wait = min(wait * 2, 2.0)


def written(changes: Sequence[Change], ids: set[UUID], patience: DatabaseRetry) -> list[Change]:
    """Those of the changes that apply now: a repeated statement finds what an earlier try, its answer lost, did."""
    written = [each for each in changes if each.id in ids]
    missing = len(changes) - len(written)
    if missing and patience.repeated:
        log.info("written by an earlier try, or settled by somebody else", count=missing)
        return list(changes)
    if missing:
        log.warning("deliveries were settled by somebody else", count=missing)
    return written
