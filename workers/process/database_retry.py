"""Repeats a statement while the database does not answer. Only for statements that may run twice."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from notifier.database.errors import DatabaseError, cause, is_away
from notifier.errors import Unreachable
from notifier.health.write_health import WriteHealth
from notifier.notifications import Status
from notifier.outbox import Change
from workers.metrics.counters import DATABASE_RETRIES
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 2.0

WRITE_HEALTH = WriteHealth()
"""Whether this process can write to the database."""


class DatabaseRetry:
    """Repeats the steps of one operation.

    retry = DatabaseRetry(30.0, stop=stop)
    rows = retry.run(lambda: attempts.load(ids))
    """

    def __init__(
        self,
        seconds: float,
        *,
        again: Callable[[DatabaseError], bool] = is_away,
        on_retry: Callable[[], None] = lambda: None,
        stop: Stop | None = None,
        after_stop: float = 0.0,
    ) -> None:
        """Each step is repeated for `seconds`, but for `after_stop` seconds at most once `stop` is set. `again`
        returns whether an error is worth another try; `on_retry` is called before each.
        """
        self._seconds = seconds
        self._again = again
        self._on_retry = on_retry
        self._stop = Stop() if stop is None else stop
        self._after_stop = after_stop
        self.repeated = False
        """An earlier try failed. The database may have done it all the same, with the answer lost."""

    def run(self, step: Callable[[], T]) -> T:
        """Return what `step` returns. Raise Unreachable if the time is over, and errors that `again` refuses."""
        deadline = time.monotonic() + self._seconds
        wait, stopping = _FIRST_WAIT_SECONDS, False
        while True:
            try:
                done = step()
            except DatabaseError as error:
                if not self._again(error):
                    raise
                WRITE_HEALTH.failed(cause(error))
                DATABASE_RETRIES.inc()
                if self._stop.is_set() and not stopping:
                    stopping, deadline = True, min(deadline, time.monotonic() + self._after_stop)
                if time.monotonic() + wait > deadline:
                    raise Unreachable(f"the database does not answer: {cause(error)}") from error
                if wait == _FIRST_WAIT_SECONDS:
                    log.warning("waiting for the database", seconds=self._seconds, reason=cause(error))
            else:
                WRITE_HEALTH.worked()
                return done
            self.repeated = True
            self._on_retry()
            if stopping:
                time.sleep(wait)
            else:
                self._stop.wait(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


def written(changes: Sequence[Change], ids: set[UUID], retry: DatabaseRetry) -> list[Change]:
    """Return the changes that apply now. `ids` are those that the last try of the statement wrote.

    After a repeated try that is all of them: it does not find what an earlier try, its answer lost, wrote.
    """
    applied = [each for each in changes if each.id in ids]
    if len(applied) == len(changes):
        return applied
    missing = [each for each in changes if each.id not in ids]
    if retry.repeated:
        log.info("written by an earlier try, or settled by another process", count=len(missing))
        return list(changes)
    # Finish writes an acceptance in any status, so what it did not write was known to be accepted.
    known = sum(each.to is Status.SENT for each in missing)
    if known:
        log.info("the provider's events came before the answer was written", count=known)
    if len(missing) > known:
        log.warning("deliveries were settled by another process", count=len(missing) - known)
    return applied
