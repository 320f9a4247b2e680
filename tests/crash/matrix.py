"""Which points there are, which of them decide about a mail, and how SES fails beside them."""

from collections.abc import Iterator
from typing import Any

from tests.crash.city import Trial
from tests.crash.faults import Effect, Moment, Point, methods
from tests.crash.life import PORTS

_AGAIN = {("Queue", "publish"): 2}
"""Calls that mean something else the next time: first the bridge publishes, then the relay."""

_DECISIVE = {
    ("Intake", "record"),
    ("Publications", "published"),
    ("Attempts", "begin"),
    ("SesChannel", "send"),
    ("Attempts", "finish"),
    ("Settlement", "settle"),
    ("Unknowns", "settle"),
}
_BAD_DAYS: dict[str, dict[str, Any]] = {
    "accepted, answer cut": {"kind": "accept_then_cut"},
    "accepted, no answer": {"kind": "accept_then_hang"},
    "accepted, truncated 200": {"kind": "truncated"},
    "accepted, 500": {"kind": "error_after_accept"},
    "not accepted, 503": {"kind": "error_before_accept"},
    "not accepted, cut": {"kind": "cut_before_accept"},
    "throttled": {"kind": "throttle"},
    "account paused": {"kind": "refuse", "code": "SendingPausedException", "status": 400},
    "an entry of a bulk call fails": {"kind": "entry_status"},
}
"""What SES does to the first two requests."""


def points() -> Iterator[Point]:
    """Every public method of every port, before and after its work, raising, dying and standing still."""
    for port in PORTS:
        for method in methods(port):
            for call in range(1, _AGAIN.get((port.__name__, method), 1) + 1):
                for moment in Moment:
                    for effect in Effect:
                        yield Point(port.__name__, method, moment, effect, call)


def bad_days() -> Iterator[Trial]:
    """The worst two moments to die in, while SES fails in each of its ways."""
    for name, fault in _BAD_DAYS.items():
        for method, moment in (("begin", Moment.AFTER), ("finish", Moment.BEFORE)):
            yield Trial(Point("Attempts", method, moment, Effect.KILL), ({**fault, "times": 2},), name)


def decisive() -> Iterator[Trial]:
    """Where a mail is lost or sent twice, if anywhere: dying there, and standing still around the request."""
    for point in points():
        where = (point.port, point.method)
        stands_still = point.effect is Effect.PAUSE and point.port in ("Intake", "Attempts", "SesChannel")
        if where in _DECISIVE and (point.effect is Effect.KILL or stands_still):
            yield Trial(point)


def everything() -> Iterator[Trial]:
    yield from map(Trial, points())
    yield from bad_days()
