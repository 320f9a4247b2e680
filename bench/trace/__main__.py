"""Where the milliseconds of one event go: `python -m bench.trace`. A table of the steps from the moment when a record
can be read to the commit that its mail is sent, while records arrive at a steady rate.

The processes run as users start them, with wrappers around the functions between the steps.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.figures.screen import say, show
from bench.latency import RATE, percentile
from bench.measure.command import positive, whole_number
from bench.measure.load import accepted_at, written_at
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import trial
from bench.trace import process
from bench.trace.marks import Written
from bench.trace.steps import Step, Times, event_times, steps, whole
from notifier.errors import NotifierError


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of so many `events`, which arrived at that rate. `accepted` and `finished` are the milliseconds from
    the stream to the acceptance of a mail, and to the commit after it. `missing` are functions that do not exist.
    """

    at_events_per_second: float
    events: int
    accepted: Sequence[float]
    finished: Sequence[float]
    steps: Sequence[Step]
    missing: Sequence[str]

    def rows(self) -> list[dict[str, object]]:
        return [
            *(each.row() for each in self.steps),
            {"milliseconds": "all, until it is accepted", **_percentiles(self.accepted)},
            {"milliseconds": "all, until the last commit", **_percentiles(self.finished), "share": "100.0%"},
        ]

    def summary(self) -> dict[str, object]:
        return {
            "at_events_per_second": self.at_events_per_second,
            "events": self.events,
            "accepted_ms": _percentiles(self.accepted),
            "finished_ms": _percentiles(self.finished),
            "steps_ms": {each.name: each.summary() for each in self.steps},
            "missing": list(self.missing),
        }


def trace(servers: Servers, rate: float, seconds: float, *, bridges: int = 1, workers: int = 1) -> Trace:
    """Trace the events of so many seconds, after a warm-up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        candidate = partial(
            notifier,
            bridges=bridges,
            workers=workers,
            settings={process.FOLDER: name},
            module=process.__name__,
        )
        with trial(servers, candidate) as trial_run:
            trial_run.warm_up()
            run = trial_run.run(math.ceil(rate * seconds), rate)
            written = {number: at for number, at in written_at(servers).items() if at >= run.start}
            accepted = accepted_at(servers)
        found = Written.read(folder)
    return traced(rate, found, written, accepted)


def traced(rate: float, found: Written, written: Times, accepted: Times) -> Trace:
    """The trace of what the processes have written."""
    events = event_times(found, written, accepted)
    if not events:
        raise NotifierError(
            f"no event was seen at all steps; not found: {', '.join(sorted(found.missing)) or 'none'}"
        )
    return Trace(
        rate,
        len(events),
        whole(events, "accepted"),
        whole(events, "finished"),
        steps(events, found.marks),
        sorted(found.missing),
    )


def _percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    return {f"p{share:g}": round(percentile(milliseconds, share / 100), 1) for share in (50, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.trace", description=__doc__)
    parser.add_argument("--rate", type=positive, default=RATE, help="events a second")
    parser.add_argument("--seconds", type=positive, default=10.0, help="how long they arrive, after a warm-up")
    parser.add_argument("--bridges", type=whole_number, default=1)
    parser.add_argument("--workers", type=whole_number, default=1)
    parser.add_argument("--json", action="store_true", help="print only the line of JSON")
    given = parser.parse_args()
    with bench_servers() as servers:
        found = trace(servers, given.rate, given.seconds, bridges=given.bridges, workers=given.workers)
    if not given.json:
        show(f"Where the milliseconds of {found.events:,} events go, at {given.rate:,g} a second", found.rows())
        for each in found.missing:
            say(f"Not found: {each}. Its step is part of the next one; correct bench/trace/watch.py")
    print(json.dumps({**found.summary(), "machine": machine()}))


if __name__ == "__main__":
    main()
