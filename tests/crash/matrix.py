"""Which points there are, and which of them are tried in `make test`."""

from collections.abc import Iterator
from itertools import cycle

from tests.crash.bad_day import STEPS, bad_days
from tests.crash.city import Lives, Trial
from tests.crash.faults import Effect, Moment, Point, methods
from tests.crash.life import PORTS

_AGAIN = {("Queue", "publish"): 2}
"""Calls that mean something else the next time: first the bridge publishes, then the relay."""
_FRESH = {
    ("Streams", "children"),
    ("Streams", "is_on"),
    ("ShardTree", "finish"),
    ("ShardTree", "lose"),
    ("ShardTree", "tell_childless"),
    ("ShardTree", "trimmed"),
}
"""Calls that only the first life in a house makes: later ones find the shards in order."""
_HOUSES = 8
_STANDING_STILL = (
    Point("Recording", "record", Moment.BEFORE, Effect.PAUSE),
    Point("Attempts", "begin", Moment.AFTER, Effect.PAUSE),
    Point("SesChannel", "send", Moment.BEFORE, Effect.PAUSE),
    Point("Attempts", "finish", Moment.BEFORE, Effect.PAUSE),
)
"""Where a mail would be sent twice, or a record be recorded twice, if standing still were not provided for."""


def calls() -> Iterator[tuple[str, str]]:
    """Port and method."""
    for port in PORTS:
        for method in methods(port):
            yield port.__name__, method


def points() -> Iterator[Point]:
    """Every public method of every port, before and after its work, raising, dying and standing still."""
    for port, method in calls():
        for call in range(1, _AGAIN.get((port, method), 1) + 1):
            for moment in Moment:
                for effect in Effect:
                    yield Point(port, method, moment, effect, call)


def everything() -> Iterator[Trial]:
    for point in points():
        yield Lives((point,))
    yield from bad_days()


def selection() -> Iterator[Trial]:
    """One point of every call, some to a house; each step of a delivery, with one fault of SES after the other."""
    ways = cycle((moment, effect) for effect in (Effect.KILL, Effect.RAISE) for moment in Moment)
    some = [Point(*call, *next(ways)) for call in sorted(calls(), key=lambda call: call not in _FRESH)]
    for house in range(_HOUSES):
        yield Lives(some[house::_HOUSES])
    for point in _STANDING_STILL:
        yield Lives([point])
    days = list(bad_days())
    steps = len(STEPS) * len(Moment)
    stride = len(days) // steps // steps
    for step in range(steps):
        yield days[step * stride * steps + step]
