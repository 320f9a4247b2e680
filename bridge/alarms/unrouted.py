"""Warns when no record of a table has a route: a typo in a pattern, or a route that was not deployed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bridge.counters import ALL_UNROUTED
from notifier.outbox import StreamStatus, TableRecords

log = structlog.get_logger(__name__)

UNROUTED_SECONDS = 60.0
LEAST_RECORDS = 10
"""So many records with a route should have been among those of a streak, by their share before it."""
_ADVICE = (
    "no record of a table has a route: are its routes deployed, and do their patterns match? Mend that, then run "
    "`notifier rewind --table {table} --reason WHY`. If NOTIFIER_NOT_BEFORE mutes them, nothing is wrong"
)


@dataclass(frozen=True, slots=True)
class Streak:
    """Since when every record of a table that was read was unrouted: a time in Unix seconds, None if some were not.

    `seen` are the counters that this was found from. `until` is when the last such record was counted, `records` how
    many there were, and `least` how many there must be until they tell something.
    """

    seen: TableRecords
    since: float | None
    until: float = 0.0
    records: int = 0
    least: int = LEAST_RECORDS

    @property
    def seconds(self) -> float:
        """From the first to the last of these records; 0 while they are too few to tell anything."""
        return 0.0 if self.since is None or self.records < self.least else max(0.0, self.until - self.since)


def follow(before: Streak | None, now: TableRecords) -> Streak:
    """The streak with the next counters. Pure.

    A table that had no record since then keeps its streak. Counters get smaller where old shards are deleted: that
    tells nothing. A rewind routes records that were unrouted, and ends the streak; where it moves records from
    quarantine to unrouted, it tells nothing.
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
    """How many records hold `LEAST_RECORDS` with a route: ten thousand, where one in a thousand has one."""
    if before is None or (routed := before.read - before.unrouted) <= 0:
        return LEAST_RECORDS
    return -(-LEAST_RECORDS * before.read // routed)


class UnroutedWatch:
    """Looks at this bridge's tables now and then, and remembers what it saw."""

    def __init__(self, reading: StreamStatus, tables: Sequence[str]) -> None:
        self._reading = reading
        self._tables = tables
        self._streaks: dict[str, Streak] = {}
        self._warned: set[str] = set()

    def run_once(self) -> None:
        """Log a warning for each table whose records were all unrouted for a minute, once until one has a route, and
        when that ends.
        """
        for records in self._reading.records(self._tables):
            streak = follow(self._streaks.get(records.table), records)
            self._streaks[records.table] = streak
            ALL_UNROUTED.labels(records.table).set(streak.seconds)
            self._tell(records.table, streak)

    def _tell(self, table: str, streak: Streak) -> None:
        if streak.seconds >= UNROUTED_SECONDS and table not in self._warned:
            self._warned.add(table)
            log.warning(_ADVICE.format(table=table), table=table, seconds=round(streak.seconds))
        elif streak.since is None and table in self._warned:
            self._warned.discard(table)
            log.info("records of a table have a route again", table=table)
