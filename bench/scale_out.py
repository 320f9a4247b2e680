"""Whether an event costs more where more workers share the load: `python -m bench.scale_out --workers 1 2 4`.

The same load runs in turn with so many workers, all on this machine. CPU counts, not events per second: those are
limited by the cores of this machine.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.end_to_end import median, rounds, table
from bench.figures.screen import show
from bench.measure.command import positive, whole_number
from bench.measure.notifier import notifier
from bench.measure.processes import machine, ratio
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Run

WORKERS = (1, 2, 4)
PARTS = ("bridge", "worker", "postgres", "redis")
"""The processes whose CPU counts. The simulators of AWS are apart."""


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """Runs by the number of workers, the smallest number first."""

    runs_by_workers: Mapping[int, Sequence[Run]]

    @property
    def ratio(self) -> float:
        """CPU of an event with the most workers, divided by that with the fewest. 1: scaling out costs nothing."""
        return self._ratio(PARTS)

    @property
    def worker_ratio(self) -> float:
        """The same for the CPU of the workers alone."""
        return self._ratio(["worker"])

    @property
    def runs(self) -> dict[str, Sequence[Run]]:
        return {_name(workers): runs for workers, runs in self.runs_by_workers.items()}

    def cpu_us(self, workers: int, parts: Sequence[str] = PARTS) -> float:
        """Microseconds of CPU of an event in these processes, of the median run."""
        run = median(self.runs_by_workers[workers])
        return sum(run.cpu_us_per_event[part] for part in parts)

    def summary(self) -> dict[str, object]:
        return {
            "workers": list(self.runs_by_workers),
            "cpu_us_per_event": [round(self.cpu_us(workers), 1) for workers in self.runs_by_workers],
            "worker_us_per_event": [round(self.cpu_us(workers, ["worker"]), 1) for workers in self.runs_by_workers],
            "ratio": round(self.ratio, 3),
            "worker_ratio": round(self.worker_ratio, 3),
        }

    def _ratio(self, parts: Sequence[str]) -> float:
        fewest, most = min(self.runs_by_workers), max(self.runs_by_workers)
        return ratio(self.cpu_us(most, parts), self.cpu_us(fewest, parts))


def scale_out(
    servers: Servers, count: int, seconds: float, workers: Sequence[int] = WORKERS, bridges: int = 1
) -> ScaleOut:
    """`count` runs with each number of workers, in turn, each of about `seconds`."""
    numbers = sorted(set(workers))
    candidates = {_name(number): partial(notifier, bridges=bridges, workers=number) for number in numbers}
    runs = rounds(servers, candidates, count, seconds)
    return ScaleOut({number: runs[_name(number)] for number in numbers})


def _name(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale_out", description=__doc__)
    parser.add_argument("--workers", type=whole_number, nargs="+", default=WORKERS, help="numbers of workers")
    parser.add_argument("--bridges", type=whole_number, default=1)
    parser.add_argument("--runs", type=whole_number, default=3, help="with each number of workers")
    parser.add_argument("--seconds", type=positive, default=15.0, help="of a run, about")
    given = parser.parse_args()
    with bench_servers() as servers:
        found = scale_out(servers, given.runs, given.seconds, given.workers, given.bridges)
        summary = found.summary()
    show("The same load with more and more workers; microseconds of CPU per event", table(found.runs))
    print(json.dumps({**summary, "machine": machine()}))


if __name__ == "__main__":
    main()
