"""Events arrive at twice the rate that the provider allows: `python -m bench.overload`.

For each second, the age of the oldest waiting event is compared with the age that it would have in a FIFO queue.
Prints the ratio in the last second, whose target is 1.2, and the largest ratio. The ratio is larger in the first
seconds, when ages are short and the mails that a worker holds at once weigh more.
"""

import argparse
import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.figures.screen import show
from bench.measure.command import positive, whole_number
from bench.measure.load import accepted_at, written_at
from bench.measure.notifier import notifier
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.trial import trial
from notifier.errors import NotifierError

TARGET = 1.2
_FIRST_SECOND = 10.0  # earlier ages are so short that single pages decide their ratio


@dataclass(frozen=True, slots=True)
class Age:
    """At `second` of the load: the age in seconds of the oldest waiting event, and that of the oldest event in a FIFO
    queue which has delivered as many.
    """

    second: float
    oldest: float
    in_fifo: float

    @property
    def ratio(self) -> float:
        return self.oldest / self.in_fifo


def ages(written: Mapping[str, float], accepted: Mapping[str, float], moments: Sequence[float]) -> list[Age]:
    """The ages at these moments, in Unix seconds. Moments at which no event waits are left out.

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


def overload(servers: Servers, rate: float, seconds: float, bridges: int) -> list[Age]:
    """Load events at twice `rate`, the mails a second that workers may send, for so many seconds.

    Raises NotifierError if no event waited.
    """
    candidate = partial(notifier, bridges=bridges, settings={"NOTIFIER_RATES": f"email={rate:g}"})
    with trial(servers, candidate) as trial_run:
        trial_run.run(50)  # so that it has connected and compiled
        run = trial_run.run(math.ceil(2 * rate * seconds), 2 * rate)
        written = {number: at for number, at in written_at(servers).items() if at >= run.start}
        accepted = {number: at for number, at in accepted_at(servers).items() if number in written}
    moments = [run.start + second for second in range(math.ceil(_FIRST_SECOND), math.floor(seconds) + 1)]
    found = ages(written, accepted, moments)
    if not found:
        raise NotifierError("no event waited at any second, so there was no overload: choose a larger --rate")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument(
        "--rate", type=positive, default=500.0, help="mails a second that are sent; twice as many come"
    )
    parser.add_argument("--seconds", type=positive, default=60.0, help="how long events come, at least 10")
    parser.add_argument("--bridges", type=whole_number, default=1)
    given = parser.parse_args()
    if given.seconds < _FIRST_SECOND:
        parser.error("--seconds must be at least 10")
    with bench_servers() as servers:
        found = overload(servers, given.rate, given.seconds, given.bridges)
    rows = [
        {
            "second": each.second,
            "oldest waits, s": each.oldest,
            "in a FIFO queue, s": each.in_fifo,
            "ratio": each.ratio,
        }
        for each in found[:: max(1, len(found) // 10)]
    ]
    show("The event that has waited longest", rows)
    last, largest = found[-1].ratio, max(each.ratio for each in found)
    ratios = {"last_ratio": round(last, 3), "largest_ratio": round(largest, 3)}
    print(json.dumps({**ratios, "moments": len(found), "machine": machine()}))
    raise SystemExit(0 if last <= TARGET else 1)


if __name__ == "__main__":
    main()
