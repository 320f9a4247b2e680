"""Events come at twice the rate that the provider allows: `python -m bench.overload`.

Each second, the event that has waited longest for its mail is compared with the one that would have waited longest in
a queue that is first in, first out. Prints the ratio of the two ages in the last second, for which the target is 1.2,
and the largest one: in the first seconds ages are short, and what a worker holds at once is a larger share of them.
"""

import argparse
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.figures.screen import show
from bench.measure.load import accepted_at, written_at
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import trial

TARGET = 1.2
_FIRST_SECOND = 10.0  # before it, ages are short, and their ratio is one of single pages


@dataclass(frozen=True, slots=True)
class Age:
    """At `second` of the load: the age in seconds of the oldest event that waits, and the age of the oldest one in a
    queue that is first in, first out and has delivered as many.
    """

    second: float
    oldest: float
    in_a_queue: float

    @property
    def ratio(self) -> float:
        return self.oldest / self.in_a_queue


def ages(written: Mapping[str, float], accepted: Mapping[str, float], moments: Sequence[float]) -> list[Age]:
    """The ages at these moments, in Unix seconds; moments at which nothing waits are left out.

    `written` is when each event could be read, `accepted` when its mail was accepted.
    """
    start = min(written.values())
    times, done = sorted(written.values()), sorted(accepted.values())
    found = []
    for now in moments:
        delivered = bisect_right(done, now)
        if delivered >= bisect_right(times, now):
            continue
        oldest = min(at for event, at in written.items() if accepted.get(event, math.inf) > now)
        found.append(Age(round(now - start, 1), now - oldest, now - times[delivered]))
    return found


def overload(parts: Servers, rate: float, seconds: float, bridges: int) -> list[Age]:
    """Offer events at twice `rate`, the mails a second that workers may send, for so many seconds."""
    candidate = partial(notifier, bridges=bridges, settings={"NOTIFIER_RATES": f"email={rate:g}"})
    with trial(parts, candidate) as on_trial:
        on_trial.run(50)  # connects and compiles
        run = on_trial.run(math.ceil(2 * rate * seconds), 2 * rate)
        written = {number: at for number, at in written_at(parts).items() if at >= run.start}
        accepted = {number: at for number, at in accepted_at(parts).items() if number in written}
    moments = [run.start + second for second in range(math.ceil(_FIRST_SECOND), math.floor(seconds) + 1)]
    return ages(written, accepted, moments)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--rate", type=float, default=500.0, help="mails a second that are sent; twice as many come")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long events come, at least 10")
    parser.add_argument("--bridges", type=int, default=1)
    given = parser.parse_args()
    if given.seconds < _FIRST_SECOND:
        parser.error("--seconds must be at least 10")
    with bench_servers() as parts:
        found = overload(parts, given.rate, given.seconds, given.bridges)
    rows = [
        {"second": each.second, "oldest waits, s": each.oldest, "in a queue, s": each.in_a_queue, "ratio": each.ratio}
        for each in found[:: max(1, len(found) // 10)]
    ]
    show("The event that has waited longest", rows)
    last, largest = found[-1].ratio, max(each.ratio for each in found)
    ratios = {"last_ratio": round(last, 3), "largest_ratio": round(largest, 3)}
    print(json.dumps({**ratios, "moments": len(found), "machine": machine()}))
    raise SystemExit(0 if last <= TARGET else 1)


if __name__ == "__main__":
    main()
