"""Digests together with limits, Later, shadow and operators, killed at any call: each event is told exactly once."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from notifier import Digest, Email, Event, Later, Limit, RetryPolicy
from notifier.notifications import Status
from notifier.outbox import Operations, Selection, end_leases
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Unknown
from tests.outbox.conftest import engine, rows
from tests.workers.digest.test_faults import PEOPLE, Killed, Provider, Run, channel
from tests.workers.test_deliverer import Environment, env
from workers.process.in_progress import InProgress

__all__ = ["channel", "engine", "env", "rows"]

CALLS = ["collect", "members", "load", "begin", "shadow", "decide", "schedule", "finish"]
EVENTS = st.tuples(st.just("events"), st.lists(st.sampled_from(PEOPLE[:1] * 3 + PEOPLE[1:]), min_size=1, max_size=3))
ON = st.tuples(st.sampled_from(["deliver", "an hour", "deliver", "an hour", "recover", "redrive"]), st.none())
OPERATOR = st.one_of(
    st.tuples(st.sampled_from(["forward", "in shadow"]), st.none()),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
)
MEANWHILE = st.one_of(  # what happens in the next build
    st.tuples(st.just("says"), st.sampled_from(["fail", "later", "none"])),
    st.tuples(st.just("event while it is built"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("cancel while it is built"), st.integers(0, 3)),
    st.tuples(st.just("deliver while it is built"), st.none()),
)
FAULT = st.one_of(
    st.tuples(st.just("refuse"), st.sampled_from([NotSent("busy"), Rejected("no"), Unknown("lost")])),
    st.tuples(st.just("die"), st.tuples(st.sampled_from(CALLS), st.booleans())),
)
STEP = st.one_of(EVENTS, ON, ON, OPERATOR, MEANWHILE, FAULT)
LIMITS = st.sampled_from([None, Limit(1, timedelta(hours=1), then="wait"), Limit(1, timedelta(hours=1))])


class Answers(Provider):
    """Loses answers, too: half of them are of what it accepted."""

    def __init__(self, channel: Any) -> None:
        super().__init__(channel)
        self.ids: Counter[UUID] = Counter()
        self.lost = 0

    def _answer(self, message: Any) -> Outcome:
        if self.refusals and not isinstance(self.refusals[-1], Unknown):
            return self.refusals.pop()
        outcome: Outcome = Accepted(f"m-{message.notification_id}-{message.attempt}")
        if self.refusals:
            outcome = self.refusals.pop()
            self.lost += 1
            if self.lost % 2:
                return outcome
        self.accepted.update(message.request.context["name"].split())
        self.ids[message.notification_id] += 1
        return outcome


class Combined(Run):
    def __init__(self, env: Environment, *, first_at_once: bool, limit: Limit | None) -> None:
        super().__init__(env)
        self.provider: Answers = Answers(env.channel)
        self.first_at_once, self.limit = first_at_once, limit
        self.says: list[str] = []
        self.cancels: list[int] = []
        self.nested = 0
        self.depth = 0

    def build(self, events: list[Event]) -> Any:
        if self.late:
            self.write(self.late.pop())
        if self.cancels:
            self.cancel(self.cancels.pop())
        if self.nested and not self.depth:
            self.nested -= 1
            self.depth += 1
            try:
                self.deliver()
            finally:
                self.depth -= 1
        match self.says.pop() if self.says else "":
            case "fail":
                raise ValueError
            case "later":
                return Later(timedelta(hours=1), reason="it waits")
            case "none":
                return None
        items = [each.new or {} for each in events]
        return Email(to=items[0]["to"], template="hello", context={"name": " ".join(each["name"] for each in items)})

    def cancel(self, number: int) -> None:
        pending = "SELECT notification_id FROM deliveries WHERE status = 'pending' ORDER BY 1"
        ids = [row["notification_id"] for row in self.env.rows.all(pending)]
        if not ids:
            return
        list(Operations(self.env.rows.engine, actor="eva").cancel(Selection(ids=[ids[number % len(ids)]]), "wrong"))

    def deliver(self, dies_in: str = "", *, before: bool = False, shadow: bool = False) -> None:
        env = self.env
        env.in_progress, env.attempts, env.channel = InProgress(), env.rows.attempts(), self.provider
        deliverer = env.deliverer(
            lambda events: self.build(events),  # noqa: PLW0108  a method is no route
            digest=Digest(by="to", window=timedelta(hours=1), at_most=4, first_at_once=self.first_at_once),
            retry=RetryPolicy(attempts=3, base=0.0),
            at_most=self.limit,
            shadow=shadow,
        )
        if dies_in:
            digests = deliverer._collector._digests  # type: ignore[union-attr]
            owner: Any = digests if dies_in in ("collect", "members") else env.attempts
            call = getattr(owner, dies_in)

            def dead(*given: Any, **named: Any) -> Any:
                if not before:
                    call(*given, **named)
                raise Killed

            setattr(owner, dies_in, dead)
        ids = [row["notification_id"] for row in env.rows.all("SELECT notification_id FROM deliveries")]
        with suppress(Killed):
            deliverer.deliver(ids)

    def recover(self) -> None:
        rows = self.env.rows
        rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
        end_leases(rows.engine)
        for row in rows.all("SELECT notification_id AS id FROM deliveries WHERE status = 'unknown'"):
            to = Status.SENT if self.provider.ids[row["id"]] else Status.PENDING
            Operations(rows.engine, actor="eva").resolve(row["id"], to, "seen at the provider")

    def hour(self) -> None:
        self.env.rows.run(
            "UPDATE limit_places SET ends_at = ends_at - interval '1 hour',"
            " since = ARRAY(SELECT at - interval '1 hour' FROM unnest(since) AS at)"
        )
        self.env.rows.run("UPDATE digests SET closes_at = closes_at - interval '1 hour'")
        super().hour()

    def redrive(self) -> None:
        for source in (Status.FAILED, Status.SHADOWED):
            operations = Operations(self.env.rows.engine, actor="eva")
            list(operations.redrive(Selection(), "mended", per_second=1_000, source=source))

    def step(self, what: str, value: Any) -> None:
        match what:
            case "says":
                self.says.append(value)
            case "forward":
                list(Operations(self.env.rows.engine, actor="eva").bring_forward(Selection(), "now", per_second=1e3))
            case "in shadow":
                self.deliver(shadow=True)
            case "redrive":
                self.redrive()
            case "recover":
                self.recover()
            case "cancel":
                self.cancel(value)
            case "cancel while it is built":
                self.cancels.append(value)
            case "deliver while it is built":
                self.nested += 1
            case _:
                super().step(what, value)

    def settle(self) -> None:
        self.says.clear()
        self.cancels.clear()
        self.late.clear()
        self.provider.refusals.clear()
        self.recover()
        self.redrive()
        super().settle()


@pytest.mark.timeout(600)
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEP, min_size=10, max_size=24), first_at_once=st.booleans(), limit=LIMITS)
def test_each_event_is_told_exactly_once_or_its_row_says_why_not(
    env: Environment, channel: Any, steps: list[Any], first_at_once: bool, limit: Limit | None
) -> None:
    tables = (
        "deliveries",
        "notifications",
        "due",
        "digests",
        "publications",
        "claims",
        "delivery_events",
        "limit_places",
    )
    for table in tables:
        env.rows.run(f"DELETE FROM {table}")
    env.rows.run("UPDATE shards SET records_read = 0, records_notified = 0")
    env.channel = channel
    run = Combined(env, first_at_once=first_at_once, limit=limit)
    run.write(PEOPLE[0])
    for what, value in steps:
        run.step(what, value)
        assert env.rows.balanced()
    run.settle()

    found = env.rows.all(
        "SELECT convert_from(n.record, 'utf8')::json -> 'dynamodb' -> 'NewImage' -> 'name' ->> 'S' AS name,"
        " d.status, lead.status AS led FROM deliveries d JOIN notifications n USING (notification_id)"
        " LEFT JOIN deliveries lead ON lead.notification_id = d.leader AND d.status = 'merged'"
    )
    told = Counter(each["name"] for each in found if (each["led"] or each["status"]) == Status.SENT)
    assert run.provider.accepted == told
    assert {each["led"] or each["status"] for each in found} <= {"sent", "cancelled", "skipped"}
    run.hour()
    run.deliver()
    assert env.rows.all("SELECT * FROM digests WHERE leader IS NOT NULL") == []
    assert env.rows.all("SELECT * FROM claims") == []
    assert env.rows.balanced()
