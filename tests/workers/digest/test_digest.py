"""Routes with a digest: events with the same key become one message, and their function gets all of them."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import exc

from notifier import Digest, Email, Event, Later, Limit, RetryPolicy
from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import (
    Attempts,
    Change,
    Digests,
    Erasure,
    ErasureKeys,
    Operations,
    Publications,
    Recipient,
    Search,
    Selection,
    Suppressions,
    end_leases,
)
from tests.bridge.stream.records import record
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Environment, env
from workers.process.in_progress import InProgress

__all__ = ["engine", "env", "rows"]

HOURLY = Digest(by="to", window=timedelta(hours=1))
ANA, BO, CY, DI = (f"{each}@example.com" for each in ("ana", "bo", "cy", "di"))


def several(events: list[Event]) -> Email | None:
    """The mail names each event, by the sequence number of its record."""
    to = (events[0].new or {})["to"]
    return Email(to=to, template="hello", context={"name": " ".join(each.id for each in events)})


def pending(env: Environment, *recipients: str) -> list[UUID]:
    """Record an event for each; the first one has the smallest id, so that it leads."""
    ids = sorted(env.rows.pending(len(recipients)), key=lambda id_: id_.int)
    for number, (id_, to) in enumerate(zip(ids, recipients, strict=True)):
        stored = json.dumps(record(number, to={"S": to})).encode()
        env.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)
    return ids


def comes(env: Environment) -> None:
    """The time of all leaders has come."""
    env.rows.run(
        "UPDATE deliveries SET next_attempt_at = now() WHERE leader = notification_id AND status = 'pending'"
    )
    env.rows.run("UPDATE due SET due_at = now() WHERE notification_id IN (SELECT leader FROM deliveries)")
    Publications(env.rows.engine).publish_due_retries(100)


def subjects(env: Environment, id_: UUID) -> list[str]:
    return [mail["subject"] for mail in env.mails(id_)]


def statuses(env: Environment, ids: list[UUID]) -> list[Status]:
    return [env.rows.status(id_) for id_ in ids]


def test_events_with_the_same_key_become_one_mail(env: Environment) -> None:
    ids = pending(env, ANA, BO, ANA, ANA)
    first, other, *members = ids
    deliverer = env.deliverer(several, digest=HOURLY)

    assert {each.to for each in deliverer.deliver(ids).values()} == {Status.PENDING}
    row = env.rows.delivery(first)
    assert row["leader"] == first
    assert row["next_attempt_at"] - datetime.now(UTC) == pytest.approx(timedelta(hours=1), abs=timedelta(minutes=1))
    assert deliverer.deliver(ids) == {}, "duplicates of their tasks find nothing to do"
    assert env.rows.balanced()

    comes(env)
    done = deliverer.deliver(ids)

    assert {id_: each.to for id_, each in done.items()} == {first: Status.SENT, other: Status.SENT}
    assert len(env.mails(first)) == len(env.mails(other)) == 1
    assert subjects(env, first)[0].count(" ") == 3, "Hello, and three events"
    assert statuses(env, members) == [Status.MERGED] * 2
    for id_ in members:
        member = env.rows.delivery(id_)
        assert (member["leader"], member["recipient"], member["attempt"]) == (first, ANA, 0)
    assert env.rows.delivery(first)["members"] == members
    assert env.rows.all("SELECT * FROM due") == env.rows.all("SELECT * FROM digests") == []
    assert env.rows.balanced()


@pytest.mark.parametrize("at_most", [100, 3])
def test_an_event_that_comes_while_its_digest_is_built_leads_another_one(env: Environment, at_most: int) -> None:
    """Also one that fills the digest, so that it is closed with more events than the mail has."""
    hourly = Digest(by="to", window=timedelta(hours=1), at_most=at_most)
    first, second = pending(env, ANA, ANA)
    late: list[UUID] = []

    def build(events: list[Event]) -> Email | None:
        if not late:
            late.extend(pending(env, ANA))
            another = env.deliverer(several, digest=hourly)
            another.deliver(late)
        return several(events)

    deliverer = env.deliverer(build, digest=hourly)
    deliverer.deliver([first, second])
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT

    row = env.rows.delivery(late[0])
    assert (row["status"], row["leader"]) == ("pending", None)
    assert env.rows.delivery(first)["members"] == [second]
    assert env.rows.one("SELECT due_at <= now() AS now FROM due WHERE notification_id = :id", id=late[0])["now"]
    deliverer.deliver(late)
    assert env.rows.delivery(late[0])["leader"] == late[0]
    assert env.rows.balanced()


def test_a_digest_that_is_full_is_sent_at_once_and_the_next_event_leads_another(env: Environment) -> None:
    deliverer = env.deliverer(several, digest=Digest(by="to", window=timedelta(hours=1), at_most=3))
    ids = pending(env, *[ANA] * 4)

    done = deliverer.deliver(ids)

    assert [done[id_].to for id_ in ids] == [Status.SENT, Status.PENDING, Status.PENDING, Status.PENDING]
    assert statuses(env, ids) == [Status.SENT, Status.MERGED, Status.MERGED, Status.PENDING]
    more = pending(env, ANA, ANA)
    assert {each.to for each in deliverer.deliver(more).values()} == {Status.PENDING}
    assert Publications(env.rows.engine).publish_due_retries(10) == 1, "its leader is due, in whatever worker"
    assert deliverer.deliver([ids[3]])[ids[3]].to is Status.SENT
    assert statuses(env, more) == [Status.MERGED] * 2
    assert env.rows.balanced()


def test_the_first_event_is_sent_at_once_and_those_that_follow_are_collected(env: Environment) -> None:
    deliverer = env.deliverer(several, digest=Digest(by="to", window=timedelta(hours=1), first_at_once=True))
    (first,) = pending(env, ANA)
    assert deliverer.deliver([first])[first].to is Status.SENT
    second, third = pending(env, ANA, ANA)
    deliverer.deliver([second, third])
    assert env.rows.delivery(third)["leader"] == second
    comes(env)
    assert deliverer.deliver([second])[second].to is Status.SENT
    assert env.rows.status(third) is Status.MERGED
    (fourth,) = pending(env, ANA)
    assert deliverer.deliver([fourth])[fourth].to is Status.PENDING, "the pause begins with each message"
    env.rows.run("UPDATE digests SET closes_at = now()")
    (another,) = pending(env, BO)
    deliverer.deliver([another])
    assert env.rows.one("SELECT count(*) AS n FROM digests")["n"] == 2


def test_what_fails_fails_for_all_and_a_redrive_of_the_leader_sends_all(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    comes(env)
    env.fault(kind="refuse", code="MessageRejected", status=400, times=1)
    assert deliverer.deliver([first])[first].to is Status.FAILED
    assert env.rows.status(second) is Status.MERGED

    operations = Operations(env.rows.engine, actor="eva")
    assert list(operations.redrive(Selection(ids=[second]), "why", per_second=1_000)) == []
    assert list(operations.redrive(Selection(ids=[first]), "why", per_second=1_000)) == [1]
    (late,) = pending(env, ANA)
    deliverer.deliver([late])
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert subjects(env, first)[0].count(" ") == 2
    assert env.rows.delivery(late)["leader"] == late, "nothing joins a digest that was begun before"


def test_its_events_are_found_by_all_recipients_of_its_message_also_of_a_later_attempt(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    copies: list[str] = [CY]

    def build(events: list[Event]) -> Email | None:
        email = several(events)
        return email and replace(email, cc=list(copies))

    deliverer = env.deliverer(build, digest=HOURLY)
    deliverer.deliver([first, second])
    comes(env)
    env.fault(kind="refuse", code="MessageRejected", status=400, times=1)
    assert deliverer.deliver([first])[first].to is Status.FAILED
    search = Search(env.rows.engine, budget=None)
    assert set(search.ids(Selection(recipients=[CY]))) == {first, second}

    copies[:] = [DI]
    assert list(
        Operations(env.rows.engine, actor="eva").redrive(Selection(ids=[first]), "why", per_second=1_000)
    ) == [1]
    assert deliverer.deliver([first])[first].to is Status.SENT
    for each in (ANA, CY, DI):
        assert set(search.ids(Selection(recipients=[each]))) == {first, second}
    *_, done = Erasure(env.rows.engine, actor="eva", keys=ErasureKeys(("key",))).run(person_of(DI), "asked")
    assert (done.notifications, search.ids(Selection(recipients=[DI]))) == (2, [])
    for id_ in (first, second):
        row = env.rows.delivery(id_)
        assert (row["recipient"], row["further_recipients"]) == (None, None)


def test_a_leader_that_is_tried_again_after_retention_deleted_members_fails_and_says_how_many(
    env: Environment,
) -> None:
    first, second, third, fourth = pending(env, ANA, ANA, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second, third, fourth])
    comes(env)
    env.fault(kind="refuse", code="MessageRejected", status=400, times=1)
    assert deliverer.deliver([first])[first].to is Status.FAILED
    for table in ("deliveries", "notifications"):
        env.rows.run(f"DELETE FROM {table} WHERE notification_id = ANY(:ids)", ids=[second, fourth])

    operations = Operations(env.rows.engine, actor="eva")
    for _ in range(2):
        assert list(operations.redrive(Selection(ids=[first]), "why", per_second=1_000)) == [1]
        assert deliverer.deliver([first])[first].to is Status.FAILED
        assert env.rows.delivery(first)["reason"] == (
            "retention has deleted 2 of the 4 events of its digest; not sent without them"
        )
    assert subjects(env, first) == []
    assert statuses(env, [first, third]) == [Status.FAILED, Status.MERGED]
    assert env.rows.delivery(first)["members"] == [second, third, fourth]


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.FAILED, Status.SUPPRESSED, Status.SHADOWED])
def test_members_share_what_becomes_of_their_leader_without_an_attempt(env: Environment, status: Status) -> None:
    def build(events: list[Event]) -> Email | None:
        if status is Status.FAILED:
            raise ValueError
        return None if status is Status.SKIPPED else several(events)

    if status is Status.SUPPRESSED:
        Suppressions(env.rows.engine, actor="test").add("email", ANA, reason="manual")
    first, second = pending(env, ANA, ANA)
    options = {"retry": RetryPolicy(attempts=1), "shadow": status is Status.SHADOWED}
    deliverer = env.deliverer(build, digest=HOURLY, **options)
    deliverer.deliver([first, second])
    comes(env)
    assert deliverer.deliver([first])[first].to is status
    assert statuses(env, [first, second]) == [status, Status.MERGED]
    assert env.rows.delivery(first)["members"] == [second]
    assert env.rows.all("SELECT * FROM digests") == []
    assert env.rows.balanced()


def test_a_failed_build_leaves_the_digest_open(env: Environment) -> None:
    answers: list[Any] = [ValueError("busy")]

    def build(events: list[Event]) -> Email | None:
        if answers:
            raise answers.pop()
        return several(events)

    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(build, digest=HOURLY, retry=RetryPolicy(attempts=3, base=0.0))
    deliverer.deliver([first, second])
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.PENDING
    (third,) = pending(env, ANA)
    deliverer.deliver([third])
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert env.rows.delivery(first)["members"] == [second, third]


def test_a_digest_whose_route_waits_goes_on_collecting(env: Environment) -> None:
    answers: list[Any] = [Later(timedelta(hours=8), reason="quiet hours")]
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(lambda events: answers.pop() if answers else several(events), digest=HOURLY)
    deliverer.deliver([first, second])
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.PENDING
    (third,) = pending(env, ANA)
    deliverer.deliver([third])
    waits = env.rows.delivery(third)["next_attempt_at"] - datetime.now(UTC)
    assert waits > timedelta(hours=8), "longer than its leader"
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert statuses(env, [second, third]) == [Status.MERGED] * 2


def test_an_expired_leader_expires_alone(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY, expires_after=7200.0)
    deliverer.deliver([first, second])
    comes(env)
    expired = env.deliverer(several, digest=Digest(by="to", window=timedelta(seconds=1)), expires_after=1.0001)
    row = env.rows.delivery(second)
    env.rows.run("UPDATE digests SET closes_at = now()")

    assert aged(expired)([first])[first].to is Status.EXPIRED

    row = env.rows.delivery(second)
    assert (row["status"], row["leader"]) == ("pending", None)
    assert deliverer.deliver([second])[second].to is Status.PENDING
    assert env.rows.delivery(second)["leader"] == second
    assert env.rows.balanced()


def test_after_a_leader_that_expired_the_next_event_is_sent_at_once(env: Environment) -> None:
    """Nothing was sent within the window: if it waited for another one, it might expire, too."""
    deliverer = env.deliverer(
        several, digest=Digest(by="to", window=timedelta(hours=1), first_at_once=True), expires_after=7200.0
    )
    (sent,) = pending(env, ANA)
    assert deliverer.deliver([sent])[sent].to is Status.SENT
    first, second = pending(env, ANA, ANA)
    deliverer.deliver([first, second])
    comes(env)
    env.rows.run("UPDATE digests SET closes_at = now()")
    soon = Digest(by="to", window=timedelta(seconds=1), first_at_once=True)
    assert aged(env.deliverer(several, digest=soon, expires_after=1.0001))([first])[first].to is Status.EXPIRED
    assert deliverer.deliver([second])[second].to is Status.SENT


def aged(deliverer: Any) -> Any:
    """Deliver once the events are older than a second."""

    def deliver(ids: list[UUID]) -> Any:
        while True:
            if deliverer._attempts.load(ids)[0].age > 1.01:
                return deliverer.deliver(ids)

    return deliver


def test_a_member_that_is_cancelled_is_in_no_mail(env: Environment) -> None:
    first, second, third = pending(env, ANA, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second, third])
    operations = Operations(env.rows.engine, actor="eva")
    assert list(operations.cancel(Selection(ids=[second]), "not this one")) == [1]
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert statuses(env, [second, third]) == [Status.CANCELLED, Status.MERGED]
    assert subjects(env, first)[0].count(" ") == 2


def test_a_member_that_is_cancelled_while_its_mail_is_built_makes_it_built_anew(env: Environment) -> None:
    first, second, third = pending(env, ANA, ANA, ANA)
    operations = Operations(env.rows.engine, actor="eva")
    calls: list[int] = []

    def build(events: list[Event]) -> Email | None:
        calls.append(len(events))
        if len(calls) == 1:
            list(operations.cancel(Selection(ids=[second]), "not this one"))
        return several(events)

    deliverer = env.deliverer(build, digest=HOURLY)
    deliverer.deliver([first, second, third])
    comes(env)
    assert deliverer.deliver([first]) == {}
    assert statuses(env, [first, second, third]) == [Status.PENDING, Status.CANCELLED, Status.PENDING]
    assert env.mails(first) == []
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert calls == [3, 2]
    assert statuses(env, [first, second, third]) == [Status.SENT, Status.CANCELLED, Status.MERGED]


def test_a_cancelled_leader_takes_its_members_along(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    assert list(Operations(env.rows.engine, actor="eva").cancel(Selection(ids=[first]), "no")) == [1]
    assert statuses(env, [first, second]) == [Status.CANCELLED, Status.MERGED]
    assert env.rows.all("SELECT * FROM due") == env.rows.all("SELECT * FROM digests") == []
    assert env.rows.delivery(first)["members"] == [second]
    assert env.rows.balanced()


def test_a_worker_whose_route_collects_nothing_does_not_send_a_leader_without_its_members(env: Environment) -> None:
    """As while workers are replaced one by one, with routes of which only one version has the digest."""
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    comes(env)
    env.fault(kind="refuse", code="MessageRejected", status=400, times=1)
    assert deliverer.deliver([first])[first].to is Status.FAILED
    list(Operations(env.rows.engine, actor="eva").redrive(Selection(ids=[first]), "why", per_second=1_000))

    older = env.deliverer(lambda _: Email(to=ANA, template="hello", context={"name": "alone"}))
    change = older.deliver([first])[first]
    assert isinstance(change, Change)
    assert (change.to, change.failed) == (Status.PENDING, True)
    assert "1 further event" in (change.reason or "")

    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=first)
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert subjects(env, first)[0].count(" ") == 2, "Hello, and two events"


def test_a_worker_whose_route_collects_nothing_sends_alone_what_has_merged_nothing(env: Environment) -> None:
    """Its members wait, and are sent alone, too."""
    pair = Digest(by="to", window=timedelta(hours=1), at_most=2)
    first, second, third = pending(env, ANA, ANA, BO)
    deliverer = env.deliverer(several, digest=pair)
    deliverer.deliver([first, third])
    env.in_progress.hold([first]).__enter__()
    assert deliverer.deliver([first, second])[second].to is Status.PENDING
    assert env.rows.delivery(first)["members"] == [second]
    env.in_progress = InProgress()
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    older = env.deliverer(lambda _: Email(to=ANA, template="hello", context={"name": "alone"}))
    assert {each.to for each in older.deliver([first, second, third]).values()} == {Status.SENT}


def test_a_cancelled_leader_without_members_leaves_nothing(env: Environment) -> None:
    ids = pending(env, ANA, BO)
    env.deliverer(several, digest=HOURLY).deliver(ids)
    assert list(Operations(env.rows.engine, actor="eva").cancel(Selection(ids=ids), "no")) == [2]
    assert env.rows.all("SELECT * FROM due") == env.rows.all("SELECT * FROM digests") == []


@pytest.mark.parametrize("waits", ["Later", "a failed build"])
def test_a_member_that_was_cancelled_and_deleted_while_its_leader_waited_was_in_no_message(
    env: Environment, waits: str
) -> None:
    first, second, third = pending(env, ANA, ANA, ANA)
    answers: list[Any] = [Later(timedelta(days=60)) if waits == "Later" else None]

    def build(events: list[Event]) -> Any:
        if answers and answers.pop() is None:
            raise ValueError
        return several(events)

    def later(events: list[Event]) -> Any:
        return answers.pop() if answers else several(events)

    deliverer = env.deliverer(later if waits == "Later" else build, digest=HOURLY)
    deliverer.deliver([first, second, third])
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.PENDING
    assert list(Operations(env.rows.engine, actor="eva").cancel(Selection(ids=[second]), "no")) == [1]
    for table in ("deliveries", "notifications"):
        env.rows.run(f"DELETE FROM {table} WHERE notification_id = :id", id=second)
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert env.rows.delivery(first)["members"] == [third]


def test_a_member_whose_leader_ended_without_it_is_collected_anew(env: Environment) -> None:
    """As after a failover that lost the commit which began the leader."""
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    env.rows.run(
        "UPDATE deliveries SET status = 'sent', next_attempt_at = NULL WHERE notification_id = :id", id=first
    )
    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=second)
    deliverer.deliver([second])
    row = env.rows.delivery(second)
    assert (row["status"], row["leader"]) == ("pending", second)
    comes(env)
    assert deliverer.deliver([second])[second].to is Status.SENT


def test_a_member_that_is_due_before_its_leader_waits_on(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=second)
    assert deliverer.deliver([second])[second].to is Status.PENDING
    row = env.rows.delivery(second)
    assert row["leader"] == first
    assert row["next_attempt_at"] > datetime.now(UTC) + timedelta(hours=1)
    assert env.rows.one("SELECT members FROM digests")["members"] == [second]


def test_an_event_without_the_attribute_fails_alone(env: Environment) -> None:
    first, second = pending(env, ANA, BO)
    env.rows.run(
        "UPDATE notifications SET record = replace(convert_from(record, 'UTF8'), 'to', 'whom')::bytea "
        "WHERE notification_id = :id",
        id=second,
    )
    deliverer = env.deliverer(several, digest=HOURLY, retry=RetryPolicy(attempts=1))
    done = deliverer.deliver([first, second])
    assert (done[first].to, done[second].to) == (Status.PENDING, Status.FAILED)
    assert "no such attribute" in env.rows.delivery(second)["reason"]


def test_an_answer_that_is_lost_leaves_all_to_the_policy_of_the_leader(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver([first, second])
    comes(env)
    token = uuid.uuid4()
    begun = env.attempts.begin(token, [Recipient(first, ANA)], -1.0, given={first: (second,)})
    assert [each.id for each in begun.begun] == [first]
    assert end_leases(env.rows.engine) == [first]
    assert statuses(env, [first, second]) == [Status.UNKNOWN, Status.MERGED]
    assert Operations(env.rows.engine, actor="eva").resolve(first, Status.PENDING, "not at the provider")
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert subjects(env, first)[0].count(" ") == 2


@pytest.mark.parametrize("step", ["begin", "collect"])
def test_the_answer_to_a_commit_is_lost(env: Environment, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pending(env, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    owner = env.attempts if step == "begin" else deliverer._collector._digests  # type: ignore[union-attr]
    call, calls = getattr(owner, step), []

    def cut(*given: Any, **named: Any) -> Any:
        calls.append(call(*given, **named))
        if len(calls) == 1:
            raise exc.OperationalError("", {}, ConnectionResetError("cut"), connection_invalidated=True)
        return calls[-1]

    monkeypatch.setattr(owner, step, cut)
    deliverer.deliver([first, second])
    assert env.rows.delivery(second)["leader"] == first
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert len(calls) == 2
    assert env.rows.status(second) is Status.MERGED
    assert len(env.mails(first)) == 1


def test_two_workers_make_one_mail(env: Environment) -> None:
    ids = pending(env, *[ANA] * 6)
    one, two = env.deliverer(several, digest=HOURLY), env.deliverer(several, digest=HOURLY)
    two._in_progress = InProgress()
    one.deliver(ids[:3])
    two.deliver(ids[2:])
    assert {env.rows.delivery(id_)["leader"] for id_ in ids} == {ids[0]}
    comes(env)
    two.deliver(ids)
    one.deliver(ids)
    assert statuses(env, ids) == [Status.SENT] + [Status.MERGED] * 5
    assert len(env.mails(ids[0])) == 1


def test_a_message_counts_once_for_a_limit_and_beyond_it_all_of_its_events_are_skipped(env: Environment) -> None:
    deliverer = env.deliverer(several, digest=HOURLY, at_most=Limit(1, per=timedelta(days=1)))
    for expected in (Status.SENT, Status.SKIPPED):
        first, second = pending(env, ANA, ANA)
        deliverer.deliver([first, second])
        comes(env)
        assert deliverer.deliver([first])[first].to is expected
        assert statuses(env, [first, second]) == [expected, Status.MERGED]
    assert env.rows.balanced()


def test_the_sessions_of_a_worker_take_values_in_binary_form(env: Environment) -> None:
    url = env.rows.engine.url.render_as_string(hide_password=False)
    worker = connect(url, pool_size=0, binary=True, generic_plans=True)
    try:
        env.attempts = Attempts(worker, channel="email", worker="worker-1")
        first, second, third = pending(env, ANA, ANA, ANA)
        deliverer = env.deliverer(several, digest=HOURLY)
        assert deliverer._collector
        deliverer._collector._digests = Digests(worker, channel="email")
        deliverer.deliver([first, second])
        deliverer.deliver([third])
        assert env.rows.delivery(third)["leader"] == first
        comes(env)
        assert deliverer.deliver([first])[first].to is Status.SENT
        assert statuses(env, [second, third]) == [Status.MERGED] * 2
    finally:
        worker.dispose()


def test_events_of_one_second_come_in_the_order_of_their_sequence_numbers(env: Environment) -> None:
    """DynamoDB says the second of a change, and the rest of an id is a hash."""
    ids = pending(env, ANA, ANA, ANA)
    for number, id_ in zip((10, 9, 100), ids, strict=True):
        stored = json.dumps(record(number, to={"S": ANA})).encode()
        env.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)
    seen: list[str] = []

    def build(events: list[Event]) -> None:
        seen.extend(each.sequence_number for each in events)

    deliverer = env.deliverer(build, digest=HOURLY)
    deliverer.deliver(ids)
    comes(env)
    deliverer.deliver(ids)
    assert seen == ["9", "10", "100"]
