"""Which points there are, and which of them are tried in `make test`."""

from collections.abc import Iterator

from tests.crash.bad_day import bad_days
from tests.crash.city import Lives, Trial
from tests.crash.faults import Effect, Moment, Point, methods
from tests.crash.life import PORTS

_AGAIN = {("Queue", "publish"): 2}
"""Calls that mean something else the next time: first the bridge publishes, then the relay."""


def points() -> Iterator[Point]:
    """Every public method of every port, before and after its work, raising, dying and standing still."""
    for port in PORTS:
        for method in methods(port):
            for call in range(1, _AGAIN.get((port.__name__, method), 1) + 1):
                for moment in Moment:
                    for effect in Effect:
                        yield Point(port.__name__, method, moment, effect, call)


def everything() -> Iterator[Trial]:
    for point in points():
        yield Lives((point,))
    yield from bad_days()
