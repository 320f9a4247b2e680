"""A leader ends after an attempt that was not accepted: its members are merged by then."""

from datetime import timedelta
from uuid import UUID

from notifier import Digest, RetryPolicy
from notifier.notifications import Status
from notifier.outbox import Change, Decision, Operations, OverdueAction, Selection, Unknowns
from notifier.outcomes import NotSent, Outcome, Unknown
from tests.outbox.conftest import engine, rows
from tests.workers.digest.test_digest import ANA, HOURLY, aged, comes, pending, several, statuses
from tests.workers.digest.test_faults import Provider
from tests.workers.test_deliverer import Environment, env
from workers.deliverer import Deliverer

__all__ = ["engine", "env", "rows"]


def tried(env: Environment, answer: Outcome) -> tuple[list[UUID], Deliverer]:
    """A leader with two members, whose message got this answer and is to be tried again."""
    ids = pending(env, ANA, ANA, ANA)
    env.channel = provider = Provider(env.channel)
    deliverer = env.deliverer(several, digest=HOURLY, retry=RetryPolicy(attempts=9, base=0.0), expires_after=7200.0)
    deliverer.deliver(ids)
    comes(env)
    provider.refusals.append(answer)
    deliverer.deliver(ids[:1])
    assert statuses(env, ids[1:]) == [Status.MERGED, Status.MERGED]
    return ids, deliverer


def expires(env: Environment, leader: UUID) -> None:
    soon = Digest(by="to", window=timedelta(seconds=1))
    assert aged(env.deliverer(several, digest=soon, expires_after=1.0001))([leader])[leader].to is Status.EXPIRED


def test_members_of_a_leader_that_expires_after_an_attempt_are_collected_anew(env: Environment) -> None:
    (first, second, third), deliverer = tried(env, NotSent("busy"))

    expires(env, first)

    for id_ in (second, third):
        row = env.rows.delivery(id_)
        assert (row["status"], row["leader"], row["ended_at"]) == ("pending", None, None)
        assert env.rows.one("SELECT due_at <= now() AS now FROM due WHERE notification_id = :id", id=id_)["now"]
        *_, last = env.rows.all("SELECT * FROM delivery_events WHERE notification_id = :id ORDER BY at", id=id_)
        assert (last["status_from"], last["status_to"]) == ("merged", "pending")
    assert env.rows.delivery(first)["members"] == []
    assert env.rows.balanced()
    deliverer.deliver([second, third])
    assert {env.rows.delivery(id_)["leader"] for id_ in (second, third)} == {second}
    comes(env)
    assert deliverer.deliver([second])[second].to is Status.SENT
    assert statuses(env, [first, second, third]) == [Status.EXPIRED, Status.SENT, Status.MERGED]
    assert env.rows.balanced()


def test_members_of_a_leader_that_may_have_been_accepted_stay_merged(env: Environment) -> None:
    """Its answer was lost, and only the policy of the route said to send it again."""
    (first, second, third), _ = tried(env, Unknown("lost"))
    env.rows.run("UPDATE due SET due_at = now() WHERE notification_id = :id", id=first)
    Unknowns(env.rows.engine, 1.0).settle(lambda _: Decision(OverdueAction.RESEND, "no event came"))
    assert env.rows.status(first) is Status.PENDING

    expires(env, first)

    assert statuses(env, [second, third]) == [Status.MERGED, Status.MERGED]
    assert env.rows.delivery(first)["members"] == [second, third]


def test_members_of_a_leader_whose_event_waits_to_be_settled_stay_merged(env: Environment) -> None:
    (first, second, third), _ = tried(env, NotSent("busy"))
    changes = [Change(first, Status.EXPIRED, reason="too old")]
    env.rows.run(
        "INSERT INTO unmatched_feedback (kind, message_id, occurred_at, reason, look_at, notification_id)"
        " VALUES ('delivered', 'm-1', now(), 'no such notification', now() + interval '1 min', :id)",
        id=first,
    )
    env.attempts.decide(changes, given={first: (second, third)})
    assert statuses(env, [first, second, third]) == [Status.EXPIRED, Status.MERGED, Status.MERGED]


def test_a_leader_that_is_cancelled_after_an_attempt_keeps_its_members(env: Environment) -> None:
    (first, *members), _ = tried(env, NotSent("busy"))
    assert list(Operations(env.rows.engine, actor="eva").cancel(Selection(ids=[first]), "no")) == [1]
    assert statuses(env, members) == [Status.MERGED, Status.MERGED]
    assert env.rows.delivery(first)["members"] == members
