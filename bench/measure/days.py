"""Whether the cost of an event grows with the number of days that are kept."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from sqlalchemy import Connection, event

from bench.end_to_end import median, rounds
from bench.figures.screen import progress
from bench.measure.old_rows import fill
from bench.measure.servers import Servers
from bench.measure.trial import Candidate, Processes, Run
from bench.parts.outbox import Steps
from notifier.database.engine import connect

FEW_DAYS = 3
KEEPING = {"NOTIFIER_KEEP_DAYS": "0"}
"""Settings of a candidate that drops no days."""
_ROWS_A_DAY = 100
_UNIT = 500
_LOCKS = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"


@dataclass(frozen=True, slots=True)
class GrowthDays:
    """Runs with the partitions of FEW_DAYS days, and with those of `days`.

    `locks` is the most relation locks that a step of one unit held, with few days and with many.
    """

    days: int
    few: Sequence[Run]
    many: Sequence[Run]
    locks: tuple[int, int]

    @property
    def ratio(self) -> float:
        """Events per second with many days, divided by those with few. 1 means that cost does not grow."""
        return median(self.many).events_per_second / median(self.few).events_per_second

    @property
    def runs(self) -> dict[str, Sequence[Run]]:
        return {_name(FEW_DAYS): self.few, _name(self.days): self.many}

    def summary(self) -> dict[str, float]:
        few, many = self.locks
        return {"days": self.days, "ratio": round(self.ratio, 3), "locks_few": few, "locks_many": many}


def growth_days(servers: Servers, candidate: Candidate, days: int, count: int, seconds: float) -> GrowthDays:
    """Run the candidate in turn on two databases, with a few old notifications in each of their days.

    It must keep all days (KEEPING): bench.retention measures what dropping days costs.
    """
    candidates: dict[str, Candidate] = {}
    locks = {}
    with ExitStack() as stack:
        for number in (FEW_DAYS, days):
            url = stack.enter_context(servers.database())
            _fill(url, number)
            locks[number] = most_locks(url)
            candidates[_name(number)] = _beside(candidate, url)
        runs = rounds(servers, candidates, count, seconds)
    return GrowthDays(days, runs[_name(FEW_DAYS)], runs[_name(days)], (locks[FEW_DAYS], locks[days]))


def most_locks(url: str) -> int:
    """The most relation locks that a transaction of one unit held at its commit."""
    engine = connect(url, binary=True)
    counts: list[int] = []

    def count(connection: Connection) -> None:
        counts.append(connection.exec_driver_sql(_LOCKS).scalar_one())

    try:
        steps = Steps(engine, os.getpid(), _UNIT)
        steps.unit(0)  # makes the partitions of today
        event.listen(engine, "commit", count)
        steps.unit(1)
        event.remove(engine, "commit", count)
        with engine.begin() as connection:  # bridges must not find this shard
            connection.exec_driver_sql("DELETE FROM shards WHERE owner = 'bench'")
            connection.exec_driver_sql("DELETE FROM streams WHERE arn = 'arn'")
    finally:
        engine.dispose()
    return max(counts)


def _fill(url: str, days: int) -> None:
    with progress() as bars:
        bar = bars.add_task(_name(days), total=days * _ROWS_A_DAY)
        fill(url, days * _ROWS_A_DAY, lambda done: bars.update(bar, completed=done), days=days)


def _beside(candidate: Candidate, database: str) -> Candidate:
    def on_that_database(servers: Servers, _: str) -> AbstractContextManager[Processes]:
        return candidate(servers, database)

    return on_that_database


def _name(days: int) -> str:
    return f"{days:,} days"
