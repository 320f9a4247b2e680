"""What a run proved. Pure: what was written and accepted goes in, a finding comes out."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sandbox.demo.reconciliation import reconcile

WITHIN_SECONDS = 5.0
"""No mail may be accepted later than this after its event was written, while processes of ours are replaced."""

_EMPTY = ("stranded", "unbalanced", "gaps", "quarantine")
"""What the ledger may have nothing of."""


class Step(NamedTuple):
    """Something that was done, from `began` until the next step, in Unix seconds."""

    began: float
    what: str


class Delay(NamedTuple):
    """The longest of the delays of the events that were written during a step. `at`: seconds after the step began."""

    what: str
    seconds: float
    at: float


@dataclass(frozen=True)
class Finding:
    """`unknown` are events of which an attempt was ever unknown, also if that was settled later. Delays are seconds
    from the call that wrote an event until SES accepted its mail. `wrong` says what else must not be.
    """

    events: int
    events_per_second: float
    accepted: int
    lost: int
    unexpected: int
    duplicated: int
    unknown: int
    p50: float
    p99: float
    slowest: float
    delays: Sequence[Delay] = ()
    wrong: Sequence[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Each event has exactly one mail, and none was ever unknown."""
        return self.events == self.accepted > 0 and not (
            self.unexpected or self.duplicated or self.unknown or self.wrong
        )

    @property
    def in_time(self) -> bool:
        return self.slowest <= WITHIN_SECONDS

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judge(
    written: Mapping[str, float],
    seconds: float,
    journal: Iterable[Mapping[str, Any]],
    ledger: Mapping[str, Any],
    steps: Sequence[Step],
) -> Finding:
    """`written`: when the event of each recipient was written. `ledger` is what our tables say in the end."""
    accepted: dict[str, float] = {}
    recipients = []
    for line in journal:
        recipients.append(line["to"])
        accepted.setdefault(line["to"], datetime.fromisoformat(line["time"]).timestamp())
    count = reconcile(written, recipients)
    took = {to: accepted[to] - at for to, at in written.items() if to in accepted}
    ordered = sorted(took.values()) or [0.0]
    return Finding(
        events=count.events,
        events_per_second=round(count.events / seconds, 1) if seconds else 0.0,
        accepted=count.accepted,
        lost=count.lost,
        unexpected=count.unexpected,
        duplicated=count.duplicated,
        unknown=len(ledger["once_unknown"]),
        p50=round(_percentile(ordered, 0.5), 3),
        p99=round(_percentile(ordered, 0.99), 3),
        slowest=round(ordered[-1], 3),
        delays=delays(written, took, steps),
        wrong=[f"{name}: {ledger[name]}" for name in _EMPTY if ledger[name]],
    )


def delays(written: Mapping[str, float], took: Mapping[str, float], steps: Sequence[Step]) -> list[Delay]:
    """Return the longest delay of each step in which events were written."""
    begins = [step.began for step in steps]
    longest: dict[int, tuple[float, float]] = {}
    for to, delay in took.items():
        number = bisect_right(begins, written[to]) - 1
        if number >= 0:
            longest[number] = max(longest.get(number, (0.0, 0.0)), (delay, written[to]))
    return [
        Delay(steps[number].what, round(delay, 3), round(at - steps[number].began, 1))
        for number, (delay, at) in sorted(longest.items())
    ]


def _percentile(values: Sequence[float], share: float) -> float:
    return values[max(0, math.ceil(share * len(values)) - 1)]
