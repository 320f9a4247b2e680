"""How long a mail takes: `python -m bench.latency`. From the moment when its record can be read to SES's acceptance,
while records come at a steady rate.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures.screen import show
from bench.measure.load import accepted_at, written_at
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import Candidate, trial

RATE = 1_000
_LATE = 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, in order. `drained` is how many seconds after the last record the last mail was accepted."""

    at_events_per_second: int
    milliseconds: Sequence[float]
    drained: float

    def at(self, share: float) -> float:
        """What that share of the mails did not exceed."""
        return self.milliseconds[max(0, math.ceil(share * len(self.milliseconds)) - 1)]

    @property
    def kept_up(self) -> bool:
        """Otherwise the figures are those of a growing backlog, and mean nothing but that."""
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


def latency(parts: Servers, candidate: Candidate, rate: int, seconds: float) -> Latency:
    """Over so many seconds, after a warm-up."""
    with trial(parts, candidate) as on_trial:
        on_trial.warm_up()
        run = on_trial.run(math.ceil(rate * seconds), rate)
        written = {number: at for number, at in written_at(parts).items() if at >= run.start}
        accepted = accepted_at(parts)
    taken = sorted((accepted[number] - at) * 1000 for number, at in written.items())
    return Latency(rate, taken, max(accepted.values()) - max(written.values()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--seconds", type=float, default=25.0)
    given = parser.parse_args()
    with bench_servers() as parts:
        found = latency(parts, notifier, given.rate, given.seconds)
    show("Latency from stream to accept, in milliseconds", [found.table()])
    print(json.dumps({**found.summary(), "kept_up": found.kept_up, "machine": machine()}))


if __name__ == "__main__":
    main()
