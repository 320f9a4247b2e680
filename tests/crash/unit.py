"""One unit of mails while SES has a fault and the worker dies: the state of each mail then and later."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from bridge.stream.client import Shard
from notifier.notifications import Status
from tests.bridge.stream.records import record
from tests.crash.environment import Environment
from tests.crash.faults import Fault, Point
from tests.crash.process import Process
from tests.crash.site import LONG, Site
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


def findings(site: Site, death: Death) -> Iterator[str]:
    """What is wrong when the worker is dead, when its lease has ended and every message has come again, when the
    deadline comes and it is not known whether events flow, and when they are known to.
    """
    environment = replace(site.cleared(LONG), ses_mode="bulk")
    process = Process(environment, Fault(None, Path(environment.folder)))
    try:
        yield from _Unit(site, environment, process).findings(death)
    finally:
        process.close()


class _Unit:
    """The mails, and the process that recovers them after the worker's death."""

    def __init__(self, site: Site, environment: Environment, process: Process) -> None:
        self._site, self._environment, self._process = site, environment, process
        self._sql = Sql(process.engine)
        self._people: dict[UUID, str] = {}
        process.tree.register("activity", "arn:stream", [Shard("shardId-1", None, closed=False)])
        (self._lease,) = process.leases.acquire(1)
        self._checkpoint: str | None = None

    def findings(self, death: Death) -> Iterator[str]:
        self._record(MAILS)
        rule = dict(death.rule)
        self._site.plan([rule | ({"match": {"recipient": rule.pop("for")}} if "for" in rule else {"times": 1})])
        with self._site.with_fault(self._environment, death.point, deliver):
            pass
        dead = self._statuses()
        if Counter(dead.values()) != death.statuses:
            yield f"dead: {_told(dead)}"
        wait_until(lambda: self._accepted().total() == death.copies, message=f"{death.copies} mails are accepted")
        self._site.plan([])

        taken = self._accepted()
        self._all_comes_again({_LATER: "told"})
        left = {Status.SENDING: Status.UNKNOWN, Status.PENDING: Status.SENT}
        expected = {to: left.get(status, status) for to, status in dead.items()} | {_LATER: Status.SENT}
        yield from self._differing("come again", expected)

        self._process.settle_unknowns()
        self._all_comes_again({})
        yield from self._differing("no evidence", expected)

        self._process.settle_feedback()
        self._environment.advance_an_hour(self._process.engine)
        self._process.settle_unknowns()
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
        self._checkpoint = self._process.intake.take(self._lease, self._checkpoint, records)
        known = self._sql.all("SELECT notification_id, sequence_number FROM notifications")
        recipients = {str(number): to for number, to in enumerate(people, first)}
        self._people |= {
            row["notification_id"]: recipients[row["sequence_number"]]
            for row in known
            if row["sequence_number"] in recipients
        }

    def _all_comes_again(self, more: Mapping[str, str]) -> None:
        """End leases and waits, and deliver each message once more; twice, as the first may be a probe."""
        self._record(more)
        for _ in range(2):
            self._environment.advance_an_hour(self._process.engine)
            self._process.relay.run_once()
            for id_ in self._people:
                self._process.delivery.deliver([id_])

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
        return self._site.accepted()


def deliver(environment: Environment, point: Point) -> None:
    """Run a worker that has its fault at `point`."""
    process = Process(environment, Fault(point, Path(environment.folder)))
    process.delivery.deliver(process.inbox.take())
    process.inbox.ack()


def _told(statuses: Statuses) -> str:
    return ", ".join(f"{to.partition('@')[0]} {status}" for to, status in sorted(statuses.items()))
