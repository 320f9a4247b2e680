"""SES fails and the worker dies in the middle of a unit: what each row says then, and what becomes of its mail.

The oracle asks at four moments: when the worker is dead, when its lease has ended and every message has come again,
when the deadline comes and nobody can say whether events flow, and when they are known to.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bridge.streams import Shard
from notifier.notifications import Status
from notifier.outcomes import Blocked, NotSent, Outcome, Rejected, Throttled, Unknown
from tests.bridge.records import record
from tests.crash.faults import Effect, Fault, Moment, Point
from tests.crash.house import House
from tests.crash.life import Life
from tests.crash.street import LONG, Street
from tests.sql import Sql
from tests.waiting import wait_until
from tests.workers.test_ses_faults import BAD, FAULTS

_MAILS = {"again@example.com": "told", "hold@example.com": "held", "drop@example.com": "dropped", BAD: "told"}
"""A mail for each thing that a route may want of a lost answer, and one that SES may find fault with."""
_LATER = "later@example.com"
"""Sent when SES is well again: its events show that events flow."""

_IDLE, _MIDAIR, _DONE = "nothing is begun", "a request is or may be under way", "the outcome is written"
STEPS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Attempts", "load"): (_IDLE, _IDLE),
    ("Attempts", "begin"): (_IDLE, _MIDAIR),
    ("SesChannel", "send"): (_MIDAIR, _MIDAIR),
    ("Attempts", "finish"): (_MIDAIR, _DONE),
    ("Inbox", "ack"): (_DONE, _DONE),
}
"""The steps of a delivery, and where it stands before and after each."""
_SENT = {Status.SENT, Status.DELIVERED}
_MEANS: Mapping[type[Outcome], Status] = {
    Unknown: Status.UNKNOWN,
    NotSent: Status.PENDING,
    Throttled: Status.PENDING,
    Blocked: Status.PENDING,
    Rejected: Status.FAILED,
}
_WISHES = {"again@example.com": Status.SENT, "hold@example.com": Status.UNKNOWN, "drop@example.com": Status.FAILED}
"""What becomes of a mail that was not accepted and whose answer was lost, once no event is evidence."""

Statuses = Mapping[str, Status]


@dataclass(frozen=True)
class Findings:
    lines: list[str]

    @property
    def good(self) -> bool:
        return not self.lines

    def __str__(self) -> str:
        return "; ".join(self.lines) or "good"


@dataclass(frozen=True)
class BadDay:
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
        return len(_MAILS) - (0 if self.accepted else self.met) if self.asked else 0

    @property
    def statuses(self) -> Counter[Status]:
        """Of the rows when the worker is dead."""
        if self.stands == _DONE:
            told = Counter({_MEANS[self.outcome]: self.met})
            return told + Counter({Status.SENT: len(_MAILS) - self.met})
        return Counter({Status.PENDING if self.stands == _IDLE else Status.SENDING: len(_MAILS)})

    def on(self, street: Street) -> Findings:
        house = replace(street.cleared(LONG), ses_mode="bulk")
        life = Life(house, Fault(None, Path(house.folder)))
        try:
            return Findings(list(_Aftermath(street, house, life).findings(self)))
        finally:
            life.close()


class _Aftermath:
    """The unit, the worker that dies of it, and another life that puts all in order."""

    def __init__(self, street: Street, house: House, life: Life) -> None:
        self._street, self._house, self._life = street, house, life
        self._sql = Sql(life.engine)
        self._people: dict[UUID, str] = {}
        life.tree.register("activity", "arn:stream", [Shard("shardId-1", None, closed=False)])
        (self._lease,) = life.leases.acquire(1)
        self._checkpoint: str | None = None

    def findings(self, day: BadDay) -> Iterator[str]:
        self._record(_MAILS)
        rule = dict(day.rule)
        self._street.plan([rule | ({"match": {"recipient": rule.pop("for")}} if "for" in rule else {"times": 1})])
        with self._street.dies(self._house, day.point, deliver):
            pass
        dead = self._statuses()
        if Counter(dead.values()) != day.statuses:
            yield f"dead: {_told(dead)}"
        wait_until(lambda: self._accepted().total() == day.copies, message=f"{day.copies} mails are accepted")
        self._street.plan([])

        taken = self._accepted()
        self._all_comes_again({_LATER: "told"})
        left = {Status.SENDING: Status.UNKNOWN, Status.PENDING: Status.SENT}
        expected = {to: left.get(status, status) for to, status in dead.items()} | {_LATER: Status.SENT}
        yield from self._differing("come again", expected)

        self._life.settle_unknowns()
        self._all_comes_again({})
        yield from self._differing("no evidence", expected)

        self._life.feed_back()
        self._house.an_hour_goes_by(self._life.engine)
        self._life.settle_unknowns()
        self._all_comes_again({})
        for to, status in expected.items():
            if status is Status.UNKNOWN:
                expected[to] = Status.SENT if taken[to] else _WISHES.get(to, Status.SENT)
        yield from self._differing("events flow", expected)
        if wrong := {to for to, status in expected.items() if self._accepted()[to] != (status is Status.SENT)}:
            yield f"accepted: {self._accepted()}, not as the rows of {wrong} say"

    def _record(self, people: Mapping[str, str]) -> None:
        """An event for each, recorded and published."""
        first = int(self._checkpoint or 0) + 1
        records = [
            record(number, pk={"S": to}, kind={"S": kind}) for number, (to, kind) in enumerate(people.items(), first)
        ]
        self._checkpoint = self._life.intake.take(self._lease, self._checkpoint, records)
        known = self._sql.all("SELECT notification_id, sequence_number FROM notifications")
        recipients = {str(number): to for number, to in enumerate(people, first)}
        self._people |= {
            row["notification_id"]: recipients[row["sequence_number"]]
            for row in known
            if row["sequence_number"] in recipients
        }

    def _all_comes_again(self, more: Mapping[str, str]) -> None:
        """Leases end, waits are over, and each message comes once more; twice, as the first may be a probe."""
        self._record(more)
        for _ in range(2):
            self._house.an_hour_goes_by(self._life.engine)
            self._life.relay.run_once()
            for id_ in self._people:
                self._life.delivery.deliver([id_])

    def _statuses(self) -> Statuses:
        rows = self._sql.all("SELECT notification_id, status FROM deliveries")
        found = {self._people[row["notification_id"]]: Status(row["status"]) for row in rows}
        return {to: Status.SENT if status in _SENT else status for to, status in found.items()}

    def _differing(self, when: str, expected: Statuses) -> Iterator[str]:
        if (found := self._statuses()) != expected:
            yield f"{when}: {_told(found)}, not {_told(expected)}"
        if twice := {to: copies for to, copies in self._accepted().items() if copies > 1}:
            yield f"{when}: accepted more than once: {twice}"

    def _accepted(self) -> Counter[str]:
        return self._street.accepted()


def deliver(house: House, point: Point) -> None:
    """The whole of a worker that meets its fault there."""
    life = Life(house, Fault(point, Path(house.folder)))
    life.delivery.deliver(life.inbox.take())
    life.inbox.ack()


def bad_days() -> Iterator[BadDay]:
    """Every fault of SES beside every step of a delivery, before and after it."""
    for rule, met, outcome, accepted in FAULTS:
        for port, method in STEPS:
            for moment in Moment:
                point = Point(port, method, moment, Effect.KILL)
                yield BadDay(point, rule, min(met, len(_MAILS)), outcome, accepted)


def _told(statuses: Statuses) -> str:
    return ", ".join(f"{to.partition('@')[0]} {status}" for to, status in sorted(statuses.items()))
