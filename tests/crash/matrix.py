"""Which points there are, and which of them decide whether a mail is lost or sent twice."""

from tests.crash.faults import Effect, Moment, Point, methods
from tests.crash.life import PORTS

_AGAIN = {("Queue", "publish"): 2}
"""Calls that mean something else the next time: the bridge publishes first, then the relay."""

DECISIVE = {
    ("Intake", "record"),
    ("Publications", "published"),
    ("Attempts", "begin"),
    ("SesChannel", "send"),
    ("Attempts", "finish"),
    ("Settlement", "settle"),
    ("Unknowns", "settle"),
}


def points() -> list[Point]:
    """Every public method of every port, before and after its work, raising, dying and standing still."""
    return [
        Point(port.__name__, method, moment, effect, call)
        for port in PORTS
        for method in methods(port)
        for call in range(1, _AGAIN.get((port.__name__, method), 1) + 1)
        for moment in Moment
        for effect in Effect
    ]
