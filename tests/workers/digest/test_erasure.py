"""A person is erased whose event is one of several in a message."""

import json
from uuid import UUID

import pytest

from notifier import RetryPolicy
from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import Erased, Erasure, ErasureKeys
from notifier.outcomes import NotSent
from tests.bridge.stream.records import record
from tests.outbox.conftest import engine, rows
from tests.workers.digest.test_digest import ANA, BO, CY, DI, HOURLY, comes, several, statuses
from tests.workers.digest.test_faults import Provider
from tests.workers.test_deliverer import Environment, env
from workers.deliverer import Deliverer

__all__ = ["engine", "env", "rows"]


def visits(env: Environment, *visitors: str) -> list[UUID]:
    """Record visits to Ana, who is told of them in one mail; the first one leads."""
    ids = sorted(env.rows.pending(len(visitors)), key=lambda id_: id_.int)
    for number, (id_, who) in enumerate(zip(ids, visitors, strict=True)):
        stored = json.dumps(record(number, to={"S": ANA}, visitor={"S": who})).encode()
        env.rows.run("UPDATE notifications SET record = :r WHERE notification_id = :id", r=stored, id=id_)
    return ids


def erase(env: Environment, who: str, *, cancel: bool = False) -> Erased:
    erasure = Erasure(env.rows.engine, actor="eva", keys=ErasureKeys(("key",)))
    *_, done = erasure.run(person_of(who), "asked", cancel=cancel)
    return done


def tried(env: Environment, *visitors: str) -> tuple[list[UUID], Deliverer]:
    """Visits whose mail the provider did not accept: it is tried again."""
    ids = visits(env, *visitors)
    env.channel = provider = Provider(env.channel)
    deliverer = env.deliverer(several, digest=HOURLY, retry=RetryPolicy(attempts=3, base=0.0))
    deliverer.deliver(ids)
    comes(env)
    provider.refusals.append(NotSent("busy"))
    deliverer.deliver(ids[:1])
    assert statuses(env, ids) == [Status.PENDING, *[Status.MERGED] * (len(ids) - 1)]
    return ids, deliverer


@pytest.mark.parametrize("who", [CY, ANA])
def test_events_of_a_message_that_is_tried_again_stay_until_it_is_sent(env: Environment, who: str) -> None:
    ids, deliverer = tried(env, BO, CY, DI)

    done = erase(env, who)
    assert (done.notifications, done.open) == (0, ids if who == ANA else ids[1:2])
    assert deliverer.deliver(ids[:1])[ids[0]].to is Status.SENT

    done = erase(env, who)
    assert (done.notifications, done.open) == (3 if who == ANA else 1, [])


@pytest.mark.parametrize("status", [Status.SENDING, Status.UNKNOWN])
def test_events_of_a_message_without_an_answer_stay(env: Environment, status: Status) -> None:
    ids, _ = tried(env, BO, CY)
    change = f"UPDATE deliveries SET status = '{status}', next_attempt_at = NULL WHERE notification_id = :id"
    env.rows.run(change, id=ids[0])
    assert erase(env, CY).open == ids[1:]


def test_an_event_whose_leader_was_dropped_is_erased(env: Environment) -> None:
    ids, _ = tried(env, BO, CY)
    for table in ("deliveries", "notifications"):
        env.rows.run(f"DELETE FROM {table} WHERE notification_id = :id", id=ids[0])
    assert (erase(env, CY).notifications, erase(env, CY).open) == (1, [])


def test_all_of_a_recipient_that_waits_is_cancelled_and_erased(env: Environment) -> None:
    ids, _ = tried(env, BO, CY, DI)
    done = erase(env, ANA, cancel=True)
    assert (done.notifications, done.open) == (3, [])
    assert statuses(env, ids) == [Status.CANCELLED, Status.MERGED, Status.MERGED]


def test_events_of_others_are_sent_although_the_leader_is_cancelled_and_erased(env: Environment) -> None:
    ids = visits(env, BO, CY, DI)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver(ids)

    assert erase(env, BO, cancel=True).open == []

    assert statuses(env, ids) == [Status.CANCELLED, Status.PENDING, Status.PENDING]
    assert env.rows.delivery(ids[0])["members"] == []
    deliverer.deliver(ids[1:])
    comes(env)
    assert deliverer.deliver(ids[1:2])[ids[1]].to is Status.SENT
    assert statuses(env, ids) == [Status.CANCELLED, Status.SENT, Status.MERGED]
    assert env.rows.balanced()


def test_events_of_others_are_sent_also_after_an_attempt_that_was_not_accepted(env: Environment) -> None:
    ids, deliverer = tried(env, BO, CY, DI)

    assert erase(env, BO, cancel=True).open == []

    assert statuses(env, ids) == [Status.CANCELLED, Status.PENDING, Status.PENDING]
    deliverer.deliver(ids[1:])
    comes(env)
    assert deliverer.deliver(ids[1:2])[ids[1]].to is Status.SENT


def test_of_a_message_to_the_person_nothing_is_sent(env: Environment) -> None:
    ids = visits(env, ANA, ANA, ANA)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver(ids)
    done = erase(env, ANA, cancel=True)
    assert (done.notifications, done.open) == (3, [])
    assert statuses(env, ids) == [Status.CANCELLED] * 3
