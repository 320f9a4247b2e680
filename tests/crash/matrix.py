"""Which points there are, and which of them are tried in `make test-all`."""

from collections.abc import Iterator
from itertools import cycle

from tests.crash.faults import Effect, Moment, Point, methods
from tests.crash.process import PORTS
from tests.crash.provider_faults import STEPS, provider_faults
from tests.crash.sites import Successive, Trial

_AGAIN = {("Queue", "publish"): 2}
"""Calls that mean something else the next time: first the bridge publishes, then the relay."""
_FRESH = {
    ("StreamsClient", "children"),
    ("StreamsClient", "is_on"),
    ("ShardTree", "finish"),
    ("ShardTree", "mark_lost"),
    ("ShardTree", "record_childless_gaps"),
    ("ShardTree", "record_trimmed"),
}
"""Calls that only the first process of an environment makes: later ones find all shards known."""
_ENVIRONMENTS = 8
_STANDING_STILL = (
    Point("Recording", "record", Moment.BEFORE, Effect.PAUSE),
    Point("Attempts", "begin", Moment.AFTER, Effect.PAUSE),
    Point("SesChannel", "send", Moment.BEFORE, Effect.PAUSE),
    Point("Attempts", "finish", Moment.BEFORE, Effect.PAUSE),
)
"""Points where a process that stops and goes on would send or record twice, were it not fenced."""


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
        yield Successive((point,))
    yield from provider_faults()


def selection() -> Iterator[Trial]:
    """One point of every call, several in one environment; each step of a delivery with a fault of SES."""
    ways = cycle((moment, effect) for effect in (Effect.KILL, Effect.RAISE) for moment in Moment)
    some = [Point(*call, *next(ways)) for call in sorted(calls(), key=lambda call: call not in _FRESH)]
    for environment in range(_ENVIRONMENTS):
        yield Successive(some[environment::_ENVIRONMENTS])
    for point in _STANDING_STILL:
        yield Successive([point])
    days = list(provider_faults())
    steps = len(STEPS) * len(Moment)
    stride = len(days) // steps // steps
    for step in range(steps):
        yield days[step * stride * steps + step]
