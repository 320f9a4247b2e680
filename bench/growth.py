"""Whether the cost of an event grows with old notifications: `python -m bench.growth --rows 10000000`.

The same load runs in turn without old notifications and with so many, some of them in the partition of today. With
`--days 730` it runs beside the partitions of 3 and of 730 days.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from bench.end_to_end import median, rounds, table
from bench.figures.screen import progress, show
from bench.measure.command import positive, whole_number
from bench.measure.days import KEEPING, growth_days
from bench.measure.notifier import notifier
from bench.measure.old_rows import fill
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Candidate, Processes, Run

NONE = "no old rows"


@dataclass(frozen=True, slots=True)
class Growth:
    """Runs without old notifications, and among so many `rows`."""

    rows: int
    without: Sequence[Run]
    among: Sequence[Run]

    @property
    def ratio(self) -> float:
        """Events per second among old rows, divided by those without. 1 means that cost does not grow."""
        return median(self.among).events_per_second / median(self.without).events_per_second

    @property
    def runs(self) -> dict[str, Sequence[Run]]:
        return {NONE: self.without, f"{self.rows:,} old rows": self.among}

    def summary(self) -> dict[str, float]:
        return {"rows": self.rows, "ratio": round(self.ratio, 3)}


def growth(servers: Servers, candidate: Candidate, rows: int, count: int, seconds: float) -> Growth:
    with servers.database() as filled:
        with progress() as bars:
            bar = bars.add_task("old rows", total=rows)
            fill(filled, rows, lambda done: bars.update(bar, completed=done))

        def among(servers: Servers, _: str) -> AbstractContextManager[Processes]:
            return candidate(servers, filled)

        some = f"{rows:,} old rows"
        runs = rounds(servers, {NONE: candidate, some: among}, count, seconds)
    return Growth(rows, runs[NONE], runs[some])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--rows", type=whole_number, default=1_000_000, help="old notifications")
    parser.add_argument(
        "--days", type=whole_number, help="days with a few notifications each; --rows is not used then"
    )
    parser.add_argument("--runs", type=whole_number, default=3)
    parser.add_argument("--seconds", type=positive, default=15.0)
    given = parser.parse_args()
    with bench_servers() as servers:
        if given.days:
            keeping = partial(notifier, settings=KEEPING)
            beside = growth_days(servers, keeping, given.days, given.runs, given.seconds)
            title, runs, summary = "The same load beside few days and many", beside.runs, beside.summary()
        else:
            found = growth(servers, notifier, given.rows, given.runs, given.seconds)
            title, runs, summary = "The same load without and among old notifications", found.runs, found.summary()
    show(title, table(runs))
    print(json.dumps({**summary, "machine": machine()}))


if __name__ == "__main__":
    main()
