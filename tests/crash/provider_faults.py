"""SES has a fault and the worker dies in the middle of a unit: the state of each row then."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notifier.notifications import Status
from notifier.outcomes import Blocked, NotSent, Outcome, Rejected, Throttled, Unknown
from tests.crash.faults import Effect, Moment, Point
from tests.crash.site import Site
from tests.crash.unit import MAILS, Death, findings
from tests.workers.channels.ses.test_faults import FAULTS

_IDLE, _MIDAIR, _DONE = "nothing is begun", "a request is or may be under way", "the outcome is written"
STEPS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Attempts", "load"): (_IDLE, _IDLE),
    ("Attempts", "begin"): (_IDLE, _MIDAIR),
    ("SesChannel", "send"): (_MIDAIR, _MIDAIR),
    ("Attempts", "finish"): (_MIDAIR, _DONE),
    ("Inbox", "ack"): (_DONE, _DONE),
}
"""The steps of a delivery, and where it stands before and after each."""
_MEANS: Mapping[type[Outcome], Status] = {
    Unknown: Status.UNKNOWN,
    NotSent: Status.PENDING,
    Throttled: Status.PENDING,
    Blocked: Status.PENDING,
    Rejected: Status.FAILED,
}


@dataclass(frozen=True)
class Findings:
    lines: list[str]

    @property
    def good(self) -> bool:
        return not self.lines

    def __str__(self) -> str:
        return "; ".join(self.lines) or "good"


@dataclass(frozen=True)
class ProviderFault:
    """`rule` is SES's fault; it meets `met` mails, whose outcome it is, and takes them all the same if `accepted`."""

    point: Point
    rule: Mapping[str, Any]
    met: int
    outcome: type[Outcome]
    accepted: bool

    @property
    def name(self) -> str:
        return " ".join(str(value) for value in self.rule.values())

    def __str__(self) -> str:
        return f"{self.point}-{self.name}".replace(" ", "_")

    @property
    def points(self) -> tuple[Point]:
        return (self.point,)

    @property
    def stands(self) -> str:
        """Where the delivery stands when the worker dies."""
        return STEPS[self.point.port, self.point.method][self.point.moment is Moment.AFTER]

    @property
    def asked(self) -> bool:
        """Whether the request has left."""
        return self.stands == _DONE or f"{self.point.method} {self.point.moment}" in ("send after", "finish before")

    @property
    def copies(self) -> int:
        """Mails that SES has accepted by then."""
        return len(MAILS) - (0 if self.accepted else self.met) if self.asked else 0

    @property
    def statuses(self) -> Counter[Status]:
        """Of the rows when the worker is dead."""
        if self.stands == _DONE:
            told = Counter({_MEANS[self.outcome]: self.met})
            return told + Counter({Status.SENT: len(MAILS) - self.met})
        return Counter({Status.PENDING if self.stands == _IDLE else Status.SENDING: len(MAILS)})

    def on(self, site: Site) -> Findings:
        death = Death(self.point, self.rule, self.statuses, self.copies)
        return Findings(list(findings(site, death)))


def provider_faults() -> Iterator[ProviderFault]:
    """Every fault of SES beside every step of a delivery, before and after it."""
    for rule, met, outcome, accepted in FAULTS:
        for port, method in STEPS:
            for moment in Moment:
                point = Point(port, method, moment, Effect.KILL)
                yield ProviderFault(point, rule, min(met, len(MAILS)), outcome, accepted)
