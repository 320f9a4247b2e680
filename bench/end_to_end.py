"""Throughput from stream to accepted mail: `python -m bench.end_to_end`. Each event must become exactly one mail.

Candidates run in turn, round by round, each time with new processes on empty servers, so that a change in the speed
of the machine affects all of them.
"""

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from bench.figures.screen import say, show
from bench.measure.command import positive, whole_number
from bench.measure.memory import MANY, memory_use
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Candidate, Run, trial


def rounds(servers: Servers, candidates: Mapping[str, Candidate], count: int, seconds: float) -> dict[str, list[Run]]:
    """`count` runs of each candidate, each of about `seconds`."""
    runs: dict[str, list[Run]] = {name: [] for name in candidates}
    rates: dict[str, float] = {}
    for number in range(count):
        for name, candidate in candidates.items():
            with trial(servers, candidate) as trial_run:
                rates[name] = trial_run.warm_up(rates.get(name))
                run = trial_run.run(math.ceil(rates[name] * seconds))
            rates[name] = run.events_per_second
            runs[name].append(run)
            say(f"{name}, run {number + 1} of {count}: {run.events_per_second:,.0f} events/s")
    return runs


def median(runs: Sequence[Run]) -> Run:
    """The median run by events per second."""
    return sorted(runs, key=lambda run: run.events_per_second)[len(runs) // 2]


def table(runs: Mapping[str, Sequence[Run]]) -> Iterator[dict[str, object]]:
    """The median run of each candidate as a column of a table."""
    medians = {name: median(some) for name, some in runs.items()}
    yield {"": "events/s", **{name: run.events_per_second for name, run in medians.items()}}
    yield {"": "events", **{name: run.events for name, run in medians.items()}}
    for process in dict.fromkeys(name for run in medians.values() for name in run.cpu_us_per_event):
        yield {"": f"µs {process}", **{name: run.cpu_us_per_event.get(process) for name, run in medians.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.end_to_end", description=__doc__)
    parser.add_argument("--bridges", type=whole_number, default=1)
    parser.add_argument("--workers", type=whole_number, default=2)
    parser.add_argument("--runs", type=whole_number, default=3)
    parser.add_argument("--seconds", type=positive, default=15.0, help="of a run, about")
    parser.add_argument(
        "--memory",
        type=whole_number,
        nargs="?",
        const=MANY,
        metavar="EVENTS",
        help=f"measure the memory of each process before and after so many events ({MANY:,} if no number is given), "
        "instead of throughput",
    )
    given = parser.parse_args()
    candidate = partial(notifier, bridges=given.bridges, workers=given.workers)
    with bench_servers() as servers:
        if given.memory:
            used = memory_use(servers, candidate, given.memory)
            title, rows, summary = "Memory of each process", used.rows(), used.summary()
        else:
            runs = rounds(servers, {"notifier": candidate}, given.runs, given.seconds)
            title, rows = "From stream to accepted mail", list(table(runs))
            summary = {"runs": [asdict(run) for run in runs["notifier"]]}
    show(title, rows)
    print(json.dumps({**summary, "machine": machine()}))


if __name__ == "__main__":
    main()
