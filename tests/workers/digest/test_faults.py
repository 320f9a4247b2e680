"""Events come in any order, workers die, providers refuse: in the end each event is in exactly one accepted mail."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier import Digest, Email, Event, RetryPolicy
from notifier.notifications import Status
from notifier.outbox import Operations, Publications, Selection, end_leases
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected
from tests.bridge.stream.records import record
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Environment, env
from workers.process.in_progress import InProgress

__all__ = ["engine", "env", "rows"]

PEOPLE = ("ana@example.com", "bo@example.com")


class Killed(BaseException):
    """The worker is dead: it writes nothing more."""


class Provider:
    """Accepts what it is sent, unless it is told to refuse; keeps which events each accepted message names."""

    one_provider = True

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.refusals: list[Outcome] = []
        self.accepted: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, messages: Any) -> list[Outcome]:
        return [self._answer(each) for each in messages]

    def _answer(self, message: Any) -> Outcome:
        if self.refusals:
            return self.refusals.pop()
        self.accepted.update(message.request.context["name"].split())
        return Accepted(f"m-{message.notification_id}-{message.attempt}")


STEP = st.one_of(
    st.tuples(st.just("events"), st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5)),
    st.tuples(st.sampled_from(["deliver", "an hour", "fail"]), st.none()),
    st.tuples(st.just("refuse"), st.sampled_from([NotSent("busy"), Rejected("no")])),
    st.tuples(st.just("die"), st.tuples(st.sampled_from(["collect", "begin"]), st.booleans())),
    st.tuples(st.just("event while it is built"), st.sampled_from(PEOPLE)),
)


class Run:
    """A sequence of steps on one database."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.provider = Provider(env.channel)
        self.written: list[str] = []
        self.fails = 0
        self.late: list[str] = []

    def write(self, *people: str) -> None:
        for id_, to in zip(self.env.rows.pending(len(people)), people, strict=True):
            name = f"event-{len(self.written)}"
            self.written.append(name)
            stored = json.dumps(record(len(self.written), to={"S": to}, name={"S": name})).encode()
            self.env.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)

    def build(self, events: list[Event]) -> Email | None:
        if self.late:
            self.write(self.late.pop())
        if self.fails:
            self.fails -= 1
            raise ValueError
        items = [each.new or {} for each in events]
        return Email(to=items[0]["to"], template="hello", context={"name": " ".join(each["name"] for each in items)})

    def deliver(self, dies_in: str = "", *, before: bool = False) -> None:
        """Deliver everything that is due, by a worker of its own, which may die at a call."""
        env = self.env
        env.in_progress, env.attempts, env.channel = InProgress(), env.rows.attempts(), self.provider
        deliverer = env.deliverer(
            lambda events: self.build(events),  # noqa: PLW0108  a method is no route
            digest=Digest(by="to", window=timedelta(hours=1), at_most=4),
            retry=RetryPolicy(attempts=50, base=0.0),
        )
        if dies_in:
            owner = env.attempts if dies_in == "begin" else deliverer._collector._digests  # type: ignore[union-attr]
            call = getattr(owner, dies_in)

            def dead(*given: Any, **named: Any) -> Any:
                if not before:
                    call(*given, **named)
                raise Killed

            setattr(owner, dies_in, dead)
        ids = [row["notification_id"] for row in env.rows.all("SELECT notification_id FROM deliveries")]
        try:
            deliverer.deliver(ids)
        except Killed:
            self.recover()

    def recover(self) -> None:
        """The lease of the dead worker ends, and an operator says what the provider did not accept."""
        rows = self.env.rows
        rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
        for id_ in end_leases(rows.engine):
            if rows.status(id_) is Status.UNKNOWN:
                Operations(rows.engine, actor="eva").resolve(id_, Status.PENDING, "not at the provider")

    def hour(self) -> None:
        self.env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
        self.env.rows.run("UPDATE due SET due_at = now()")
        Publications(self.env.rows.engine).publish_due_retries(1_000)

    def redrive(self) -> None:
        list(Operations(self.env.rows.engine, actor="eva").redrive(Selection(), "mended", per_second=1_000))

    def step(self, what: str, value: Any) -> None:
        match what:
            case "events":
                self.write(*value)
            case "deliver":
                self.deliver()
            case "an hour":
                self.hour()
            case "fail":
                self.fails += 1
            case "refuse":
                self.provider.refusals.append(value)
            case "die":
                self.deliver(value[0], before=value[1])
            case _:
                self.late.append(value)

    def settle(self) -> None:
        """Once the faults have ended, go on until nothing waits."""
        self.fails = 0
        self.provider.refusals.clear()
        end = time.monotonic() + 30
        while self.statuses() & {Status.PENDING, Status.FAILED}:
            assert time.monotonic() < end, self.env.rows.all("SELECT * FROM deliveries WHERE status <> 'sent'")
            self.redrive()
            self.hour()
            self.deliver()

    def statuses(self) -> set[Status]:
        return {Status(row["status"]) for row in self.env.rows.all("SELECT DISTINCT status FROM deliveries")}


@pytest.fixture
def channel(env: Environment) -> Iterator[Any]:
    kept = env.channel
    yield kept
    env.channel = kept


@pytest.mark.timeout(300)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=14))
def test_each_event_is_in_exactly_one_accepted_mail(env: Environment, channel: Any, steps: list[Any]) -> None:
    for table in ("deliveries", "notifications", "due", "digests", "publications", "claims", "delivery_events"):
        env.rows.run(f"DELETE FROM {table}")
    env.rows.run("UPDATE shards SET records_read = 0, records_notified = 0")
    env.channel = channel
    run = Run(env)
    run.write(PEOPLE[0])
    for what, value in steps:
        run.step(what, value)
    run.settle()

    assert run.provider.accepted == Counter(run.written)
    assert run.statuses() <= {Status.SENT, Status.MERGED}
    assert env.rows.all("SELECT * FROM digests") == []
    assert env.rows.balanced()
    leaders: set[UUID] = {row["leader"] for row in env.rows.all("SELECT leader FROM deliveries")}
    assert all(env.rows.status(leader) is Status.SENT for leader in leaders)
