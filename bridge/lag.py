"""Says when reading falls behind, long before the stream forgets. Counts shards that nobody reads, too."""

import structlog

from notifier.lag import ALARM_SECONDS, CRITICAL_SECONDS, WARNING_SECONDS
from notifier.outbox import Report

log = structlog.get_logger(__name__)


class LagWatch:
    """Looks at the shard that is furthest behind."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def run_once(self) -> None:
        row = self._report.lag()
        seconds = row["seconds"] or 0.0
        facts = {"seconds": round(seconds), "shards": row["shards"], "unread": row["unread"]}
        if seconds >= CRITICAL_SECONDS:
            log.critical("reading is far behind: after 24 hours records are lost", **facts)
        elif seconds >= ALARM_SECONDS:
            log.error("reading is behind", **facts)
        elif seconds >= WARNING_SECONDS:
            log.warning("reading is behind", **facts)
