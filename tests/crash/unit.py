"""One unit of mails on a street where SES fails: the worker that dies of it, and what becomes of each mail after."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bridge.stream.client import Shard
from notifier.notifications import Status
from tests.bridge.stream.records import record
from tests.crash.faults import Fault, Point
from tests.crash.house import House
from tests.crash.life import Life
from tests.crash.street import LONG, Street
from tests.sql import Sql
from tests.waiting import wait_until
from tests.workers.channels.ses.test_faults import BAD

MAILS = {"again@example.com": "told", "hold@example.com": "held", "drop@example.com": "dropped", BAD: "told"}
"""A mail for each thing that a route may want of a lost answer, and one that SES may find fault with."""
_WISHES = {"again@example.com": Status.SENT, "hold@example.com": Status.UNKNOWN, "drop@example.com": Status.FAILED}
"""What becomes of a mail that was not accepted and whose answer was lost, once no event is evidence."""
_LATER = "later@example.com"
"""Sent when SES is well again: its events show that events flow."""
_SENT = {Status.SENT, Status.DELIVERED}

Statuses = Mapping[str, Status]


@dataclass(frozen=True)
class Death:
    """A worker dies at `point`, while SES has the fault `rule`; then the rows stand in `statuses`, so many of each,
    and SES has accepted `copies` mails.
    """

    point: Point
    rule: Mapping[str, Any]
    statuses: Counter[Status]
    copies: int


def findings(street: Street, death: Death) -> Iterator[str]:
    """What is wrong when the worker is dead, when its lease has ended and every message has come again, when the
    deadline comes and nobody can say whether events flow, and when they are known to.
    """
    house = replace(street.cleared(LONG), ses_mode="bulk")
    life = Life(house, Fault(None, Path(house.folder)))
    try:
        yield from _Unit(street, house, life).findings(death)
    finally:
        life.close()


class _Unit:
    """The mails, and the life that puts all in order after the worker's death."""

    def __init__(self, street: Street, house: House, life: Life) -> None:
        self._street, self._house, self._life = street, house, life
        self._sql = Sql(life.engine)
        self._people: dict[UUID, str] = {}
        life.tree.register("activity", "arn:stream", [Shard("shardId-1", None, closed=False)])
        (self._lease,) = life.leases.acquire(1)
        self._checkpoint: str | None = None

    def findings(self, death: Death) -> Iterator[str]:
        self._record(MAILS)
        rule = dict(death.rule)
        self._street.plan([rule | ({"match": {"recipient": rule.pop("for")}} if "for" in rule else {"times": 1})])
        with self._street.dies(self._house, death.point, deliver):
            pass
        dead = self._statuses()
        if Counter(dead.values()) != death.statuses:
            yield f"dead: {_told(dead)}"
        wait_until(lambda: self._accepted().total() == death.copies, message=f"{death.copies} mails are accepted")
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


def _told(statuses: Statuses) -> str:
    return ", ".join(f"{to.partition('@')[0]} {status}" for to, status in sorted(statuses.items()))
