"""Warns when no record of a table has a route: a typo in a pattern, or a route that was not deployed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bridge.counters import ALL_UNROUTED
from notifier.outbox import StreamStatus, TableRecords

log = structlog.get_logger(__name__)

UNROUTED_SECONDS = 60.0
LEAST_RECORDS = 10
"""A streak counts as a fault once this many routed records were to be expected in it, by their share before it."""
_ADVICE = (
    "no record of a table has a route: are its routes deployed, and do their patterns match? Correct that, then run "
    "`notifier rewind --table {table} --reason WHY`. If NOTIFIER_NOT_BEFORE mutes them, nothing is wrong"
)


@dataclass(frozen=True, slots=True)
class Streak:
    """Unrouted records of a table in a row. `since`: Unix seconds of the first one; None if the last records read had
    a route.

    `seen` are the counters that it was found from. `until`: when the last such record was counted. `records`: how
    many there are. `least`: how many there must be before they count as a fault.
    """

    seen: TableRecords
    since: float | None
    until: float = 0.0
    records: int = 0
    least: int = LEAST_RECORDS

    @property
    def seconds(self) -> float:
        """The seconds from the first to the last of these records; 0 while they are fewer than `least`."""
        return 0.0 if self.since is None or self.records < self.least else max(0.0, self.until - self.since)


def follow(before: Streak | None, now: TableRecords) -> Streak:
    """Return the streak after the next counters. Pure.

    A table without a new record keeps its streak. So it does when the counters get smaller, as old shards were
    deleted, and when a rewind moves records from quarantine to unrouted. A rewind that gives unrouted records a route
    ends the streak.
    """
    read = now.read - (before.seen.read if before else 0)
    unrouted = now.unrouted - (before.seen.unrouted if before else 0)
    if read < 0 or (read == 0 and unrouted >= 0) or unrouted > read:
        return replace(before, seen=now) if before else Streak(now, None)
    if unrouted < read:
        return Streak(now, None)
    if before is None or before.since is None:
        return Streak(now, now.at, now.at, read, _least(before.seen if before else None))
    return replace(before, seen=now, until=now.at, records=before.records + read)


def _least(before: TableRecords | None) -> int:
    """Return in how many records LEAST_RECORDS routed ones are to be expected: 10,000 if one in 1,000 is routed."""
    if before is None or (routed := before.read - before.unrouted) <= 0:
        return LEAST_RECORDS
    return -(-LEAST_RECORDS * before.read // routed)


class UnroutedWatch:
    """Watches the tables of this bridge."""

    def __init__(self, status: StreamStatus, tables: Sequence[str]) -> None:
        self._status = status
        self._tables = tables
        self._streaks: dict[str, Streak] = {}
        self._warned: set[str] = set()

    def run_once(self) -> None:
        """Log a warning for each table whose records were all unrouted for a minute, once, and a line when records
        have a route again.
        """
        for records in self._status.records(self._tables):
            streak = follow(self._streaks.get(records.table), records)
            self._streaks[records.table] = streak
            ALL_UNROUTED.labels(records.table).set(streak.seconds)
            self._log(records.table, streak)

    def _log(self, table: str, streak: Streak) -> None:
        if streak.seconds >= UNROUTED_SECONDS and table not in self._warned:
            self._warned.add(table)
            log.warning(_ADVICE.format(table=table), table=table, seconds=round(streak.seconds))
        elif streak.since is None and table in self._warned:
            self._warned.discard(table)
            log.info("records of a table have a route again", table=table)
