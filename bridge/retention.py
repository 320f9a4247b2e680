"""Counts and drops the rows of old days in small steps. Runs in every bridge at once."""

import structlog

from notifier.outbox import Retention
from notifier.process.loops import NextIn

log = structlog.get_logger(__name__)

RETENTION_SECONDS = 300.0
STEP_SECONDS = 0.2
"""The pause after a step that did something: there may be more to do, and recording must not wait for it."""


class DropOldDays:
    """Runs the retention and logs what was deleted. `notifier status` and the metrics show why a day stays."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def run_once(self) -> NextIn:
        """Do one step; return when the next is due."""
        done = self._retention.run_once()
        for table, rows in done.deleted.items():
            log.info("old rows were deleted", table=table, rows=rows)
        return NextIn(STEP_SECONDS if done else RETENTION_SECONDS)
