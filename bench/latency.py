"""Latency of mails: `python -m bench.latency`. It is the time from when a record can be read until SES accepts its
mail, while records arrive at a steady rate.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures.screen import show
from bench.measure.command import positive, whole_number
from bench.measure.load import accepted_at, written_at
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Candidate, trial

RATE = 1_000
_LATE = 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Sorted latencies in milliseconds. `drained` is the seconds from the last record to the last accepted mail."""

    at_events_per_second: int
    milliseconds: Sequence[float]
    drained: float

    def at(self, share: float) -> float:
        """The latency that this share of the mails did not exceed: `at(0.99)` is the 99th percentile."""
        return percentile(self.milliseconds, share)

    @property
    def kept_up(self) -> bool:
        """False if the load was more than it can process: then the figures only show a growing backlog."""
        return self.drained < _LATE

    def summary(self) -> dict[str, float]:
        return {
            "p50": round(self.at(0.5), 1),
            "p99": round(self.at(0.99), 1),
            "at_events_per_second": self.at_events_per_second,
        }

    def table(self) -> dict[str, object]:
        shares = {f"p{share:g}": self.at(share / 100) for share in (50, 90, 99, 99.9)}
        return {
            "events/s": self.at_events_per_second,
            **shares,
            "kept up": "yes" if self.kept_up else "no: a backlog",
        }


def percentile(values: Sequence[float], share: float) -> float:
    """The one of these sorted values that this share of them does not exceed."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


def latency(servers: Servers, candidate: Candidate, rate: int, seconds: float) -> Latency:
    """Measure for so many seconds, after a warm-up."""
    with trial(servers, candidate) as trial_run:
        trial_run.warm_up()
        run = trial_run.run(math.ceil(rate * seconds), rate)
        written = {number: at for number, at in written_at(servers).items() if at >= run.start}
        accepted = accepted_at(servers)
    taken = sorted((accepted[number] - at) * 1000 for number, at in written.items())
    return Latency(rate, taken, max(accepted.values()) - max(written.values()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rate", type=whole_number, default=RATE)
    parser.add_argument("--seconds", type=positive, default=25.0)
    given = parser.parse_args()
    with bench_servers() as servers:
        found = latency(servers, notifier, given.rate, given.seconds)
    show("Latency from stream to accept, in milliseconds", [found.table()])
    print(json.dumps({**found.summary(), "kept_up": found.kept_up, "machine": machine()}))


if __name__ == "__main__":
    main()
