"""The steps of events, from the marks of a run."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.latency import percentile
from bench.trace.marks import Mark, Written

STEPS = {
    "written": "",
    "asked": "wait for the next poll of the shard",
    "received": "GetRecords",
    "opened": "wait for the page before it",
    "parsed": "parse the page",
    "classified": "decode and match routes",
    "recorded": "record, commit",
    "published": "publish",
    "reserved": "wait in Redis, reserve",
    "started": "hand out, wait for a place in the pool",
    "loaded": "load",
    "built": "build and render",
    "allowed": "wait for the rate",
    "begun": "begin, commit",
    "accepted": "send, until it is accepted",
    "answered": "send, until the answer is read",
    "finished": "finish, commit",
}
"""The points that an event passes, in order, each with the step that ends there."""
_SLOWEST = 0.01

Times = Mapping[str, float]
"""When an event passed each point, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """The milliseconds of one step: sorted, those of the slowest events, and its share of the whole of all events.

    `at_once` is with how many events the median event ended the step; None if that is not known.
    """

    name: str
    milliseconds: Sequence[float]
    in_slowest: float
    share: float
    at_once: float | None

    def row(self) -> dict[str, object]:
        return {
            "milliseconds": self.name,
            "p50": percentile(self.milliseconds, 0.5),
            "p99": percentile(self.milliseconds, 0.99),
            "share": f"{self.share:.1%}",
            "in slowest 1 %": self.in_slowest,
            "at once": self.at_once,
        }

    def summary(self) -> dict[str, float | None]:
        return {
            "p50": round(percentile(self.milliseconds, 0.5), 2),
            "p99": round(percentile(self.milliseconds, 0.99), 2),
            "share": round(self.share, 4),
            "in_slowest": round(self.in_slowest, 2),
            "at_once": self.at_once,
        }


def event_times(found: Written, written: Times, accepted: Times) -> list[Times]:
    """When each event passed each point. `written` and `accepted` are by the event's number.

    An event whose notification is not known, or has not been finished, is left out.
    """
    by_id: dict[str, dict[str, float]] = {}
    for mark in sorted(found.marks, key=lambda each: each.at):
        for id_ in mark.ids:
            by_id.setdefault(id_, {}).setdefault(mark.point, mark.at)  # the first one, where there are several
    numbers = {id_: number for id_, number in found.numbers.items() if number in written}
    return [
        in_order({**by_id[id_], "written": written[number], "accepted": accepted[number]})
        for id_, number in numbers.items()
        if "finished" in by_id[id_]
    ]


def in_order(times: Times) -> Times:
    """The times by the order of the points, none later than the next.

    Two pairs may come in the other order: a record is written while it is being asked for, and a message is reserved
    before the answer to its publication is read. Such a step takes no time then.
    """
    points = [point for point in STEPS if point in times]
    ordered = [times[point] for point in points]
    for place in range(len(ordered) - 2, 0, -1):
        ordered[place] = min(ordered[place], ordered[place + 1])
    for place in range(1, len(ordered)):
        ordered[place] = max(ordered[place], ordered[place - 1])
    return dict(zip(points, ordered, strict=True))


def whole(events: Sequence[Times], until: str) -> list[float]:
    """The sorted milliseconds from the moment when an event could be read to that point."""
    return sorted((each[until] - each["written"]) * 1000 for each in events)


def steps(events: Sequence[Times], marks: Sequence[Mark]) -> list[Step]:
    """Each step that was seen, in order. What was not seen is in the step after it."""
    by_latency = sorted(events, key=lambda each: each["written"] - each["accepted"])
    slowest = by_latency[: max(1, round(len(events) * _SLOWEST))]
    taken, in_slowest = _milliseconds(events), _milliseconds(slowest)
    total = sum(map(sum, taken.values()))
    return [
        Step(
            STEPS[point],
            sorted(taken[point]),
            statistics.fmean(in_slowest.get(point, [0.0])),
            sum(taken[point]) / total,
            _at_once(marks, point),
        )
        for point in STEPS
        if point in taken
    ]


def _milliseconds(events: Sequence[Times]) -> Mapping[str, list[float]]:
    """The milliseconds of each event before each point, from the point before it."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in events:
        for (_, before), (point, at) in pairwise(each.items()):
            found[point].append((at - before) * 1000)
    return found


def _at_once(marks: Sequence[Mark], point: str) -> float | None:
    """The number of events together with which the median event passed the point."""
    sizes = [len(each.ids) for each in marks if each.point == point for _ in each.ids]
    return statistics.median(sizes) if sizes else None
