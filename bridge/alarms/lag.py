"""Logs per table when reading is behind, long before DynamoDB drops records after 24 hours."""

import structlog

from notifier.outbox import OpenRewinds, StreamStatus, TableLag, WaitingStream
from notifier.outbox.stream.status import ALARM_SECONDS, CRITICAL_SECONDS, WARNING_SECONDS

log = structlog.get_logger(__name__)


class LagWatch:
    """Watches all known tables, also those that no bridge is configured for any more."""

    def __init__(self, status: StreamStatus) -> None:
        self._status = status

    def run_once(self) -> None:
        for lag in self._status.lags():
            _log_lag(lag)
        for each in self._status.waiting():
            _log_waiting(each)
        for rewinds in self._status.rewinds():
            _log_rewinds(rewinds)


def _log_lag(lag: TableLag) -> None:
    if lag.seconds < WARNING_SECONDS:
        return
    message = "reading is behind"
    if lag.abandoned:
        message = (
            "no bridge reads a table: start one that has it in NOTIFIER_TABLES, or give it up with "
            f"`notifier let-go --table {lag.table} --reason WHY`"
        )
    if lag.seconds >= CRITICAL_SECONDS:
        message += ". After 24 hours records are lost"
    facts = {"table": lag.table, "seconds": round(lag.seconds), "shards": lag.shards, "unread": lag.unread}
    _log(lag.seconds, message, facts)


def _log_waiting(each: WaitingStream) -> None:
    if each.seconds < WARNING_SECONDS:
        return
    message = (
        "a table's new stream waits until its old one is read to its end. Should that one never end, give it up with "
        f"`notifier let-go --stream {each.waits_for} --reason WHY`"
    )
    _log(each.seconds, message, {"table": each.table, "stream": each.stream, "seconds": round(each.seconds)})


def _log_rewinds(rewinds: OpenRewinds) -> None:
    if rewinds.busy or rewinds.seconds < WARNING_SECONDS:
        return
    message = (
        "a rewind waits: no bridge has its table in NOTIFIER_TABLES and a route for it. Start one, or end the rewind "
        f"with `notifier rewind --cancel --table {rewinds.table} --reason WHY`"
    )
    log.warning(message, table=rewinds.table, shards=rewinds.shards, seconds=round(rewinds.seconds))


def _log(seconds: float, message: str, facts: "dict[str, object]") -> None:
    level = log.critical if seconds >= CRITICAL_SECONDS else log.error if seconds >= ALARM_SECONDS else log.warning
    level(message, **facts)
