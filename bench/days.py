"""Whether cost grows with the number of days kept: the same load beside partitions of few days and of many."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from bench.end_to_end import median, rounds
from bench.old_rows import fill
from bench.parts import Parts
from bench.screen import progress
from bench.trial import Candidate, Processes, Run

FEW_DAYS = 3
_ROWS_A_DAY = 100


@dataclass(frozen=True, slots=True)
class GrowthDays:
    """`days` that are kept; the runs beside FEW_DAYS days and beside so many."""

    days: int
    few: Sequence[Run]
    many: Sequence[Run]

    @property
    def ratio(self) -> float:
        """Events per second beside all days to those beside few: 1 is no growth of cost at all."""
        return median(self.many).events_per_second / median(self.few).events_per_second

    @property
    def runs(self) -> dict[str, Sequence[Run]]:
        return {_name(FEW_DAYS): self.few, _name(self.days): self.many}

    def summary(self) -> dict[str, float]:
        return {"days": self.days, "ratio": round(self.ratio, 3)}


def growth_days(parts: Parts, candidate: Candidate, days: int, count: int, seconds: float) -> GrowthDays:
    """The candidate in turns on two databases, with a few old notifications on each of their days."""
    candidates: dict[str, Candidate] = {}
    with ExitStack() as stack:
        for number in (FEW_DAYS, days):
            url = stack.enter_context(parts.database())
            _fill(url, number)
            candidates[_name(number)] = _beside(candidate, url)
        runs = rounds(parts, candidates, count, seconds)
    return GrowthDays(days, runs[_name(FEW_DAYS)], runs[_name(days)])


def _fill(url: str, days: int) -> None:
    with progress() as bars:
        bar = bars.add_task(_name(days), total=days * _ROWS_A_DAY)
        fill(url, days * _ROWS_A_DAY, lambda done: bars.update(bar, completed=done), days=days)


def _beside(candidate: Candidate, database: str) -> Candidate:
    def on_that_database(parts: Parts, _: str) -> AbstractContextManager[Processes]:
        return candidate(parts, database)

    return on_that_database


def _name(days: int) -> str:
    return f"{days:,} days"
