"""What happens to a digest while its message is built or begun."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from notifier import Digest, Email, Event
from notifier.notifications import Status, created_ms
from notifier.outbox import Arrival, ChannelStates, Digests, LimitedRecipient, Recipient
from tests.outbox.conftest import engine, rows
from tests.workers.digest.test_digest import ANA, BO, HOURLY, comes, pending, several, statuses, subjects
from tests.workers.test_deliverer import Environment, env

__all__ = ["engine", "env", "rows"]

PAIR = Digest(by="to", window=timedelta(hours=1), at_most=2)


def test_an_event_that_fills_its_digest_while_it_is_built_is_due_at_once(env: Environment) -> None:
    (first,) = pending(env, ANA)
    late: list[UUID] = []

    def build(events: list[Event]) -> Email | None:
        if not late:
            late.extend(pending(env, ANA))
            env.deliverer(several, digest=PAIR).deliver(late)
        return several(events)

    deliverer = env.deliverer(build, digest=PAIR)
    deliverer.deliver([first])
    comes(env)
    assert deliverer.deliver([first])[first].to is Status.SENT

    row = env.rows.delivery(late[0])
    assert (row["status"], row["leader"]) == ("pending", None)
    assert env.rows.delivery(first)["members"] == []
    assert env.rows.one("SELECT due_at <= now() AS now FROM due WHERE notification_id = :id", id=late[0])["now"]


def test_a_leader_that_is_due_and_filled_in_one_unit_is_built_once(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    digests = Digests(env.rows.engine, channel="email")
    arrivals = [Arrival(each, uuid.uuid4(), 3600.0, 2, first_at_once=False) for each in (first, second)]
    arrivals[1] = Arrival(second, arrivals[0].key, 3600.0, 2, first_at_once=False)
    digests.collect(arrivals[:1])
    env.rows.run("UPDATE deliveries SET failures = 1, next_attempt_at = now() WHERE notification_id = :id", id=first)

    assert digests.collect(arrivals) == [first], "another worker made it a leader after this one had looked"


def test_who_begins_locks_the_key_before_the_deliveries(env: Environment) -> None:
    """Who collects does, too: in the other order the two would wait for each other."""
    first, second = pending(env, ANA, ANA)
    env.deliverer(several, digest=HOURLY).deliver([first, second])
    comes(env)
    limited = [LimitedRecipient(first, "views", ANA, 1, 60.0)]
    begins = threading.Thread(
        target=lambda: env.attempts.begin(
            uuid.uuid4(), [Recipient(first, ANA)], 60.0, limited=limited, given={first: (second,)}
        )
    )
    with env.rows.engine.begin() as collecting:
        collecting.execute(text("SELECT FROM digests FOR UPDATE"))
        begins.start()
        waiting = (
            "SELECT count(*) AS n FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not env.rows.one(waiting)["n"]:
            assert begins.is_alive()
        collecting.execute(
            text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE NOWAIT"), {"id": first}
        )
    begins.join()
    assert statuses(env, [first, second]) == [Status.SENDING, Status.MERGED]


def test_a_leader_that_is_not_begun_takes_no_place_of_its_limit(env: Environment) -> None:
    first, second = pending(env, ANA, ANA)
    env.deliverer(several, digest=HOURLY).deliver([first, second])
    comes(env)
    env.rows.run(
        "UPDATE deliveries SET status = 'cancelled', next_attempt_at = NULL WHERE notification_id = :id", id=second
    )
    limited = [LimitedRecipient(first, "views", ANA, 1, 60.0)]
    result = env.attempts.begin(
        uuid.uuid4(), [Recipient(first, ANA)], 60.0, limited=limited, given={first: (second,)}
    )
    assert (result.begun, result.over_limit) == ([], [])
    assert env.rows.all("SELECT * FROM limit_places") == []


def test_a_member_that_an_event_may_prove_sent_is_left_out_and_holds_up_nothing(env: Environment) -> None:
    first, second, third = pending(env, ANA, ANA, ANA)
    calls: list[int] = []

    def build(events: list[Event]) -> Email | None:
        calls.append(len(events))
        return several(events)

    deliverer = env.deliverer(build, digest=HOURLY)
    deliverer.deliver([first, second, third])
    comes(env)
    env.rows.run(
        "INSERT INTO unmatched_feedback (kind, message_id, occurred_at, reason, look_at, notification_id)"
        " VALUES ('delivered', 'm-1', now(), 'no such notification', now() + interval '1 min', :id)",
        id=second,
    )
    assert deliverer.deliver([first])[first].to is Status.SENT
    assert calls == [2]
    assert statuses(env, [first, second, third]) == [Status.SENT, Status.PENDING, Status.MERGED]
    assert subjects(env, first)[0].count(" ") == 2


def test_events_in_shadow_and_those_that_are_sent_share_no_message(env: Environment) -> None:
    """An older system sends those from before the time, and the others would not be sent."""
    (first,), (second,) = pending(env, ANA), pending(env, ANA)
    until = datetime.fromtimestamp(created_ms(second) / 1000, UTC)
    assert created_ms(first) < created_ms(second)
    deliverer = env.deliverer(several, digest=HOURLY, shadow_until=until)
    deliverer.deliver([first, second])
    comes(env)
    done = deliverer.deliver([first, second])
    assert {id_: each.to for id_, each in done.items()} == {first: Status.SHADOWED, second: Status.SENT}


def test_the_members_of_what_is_not_built_are_not_kept(env: Environment) -> None:
    ids = pending(env, ANA, BO)
    deliverer = env.deliverer(several, digest=HOURLY)
    deliverer.deliver(ids)
    comes(env)
    ChannelStates(env.rows.engine, actor="test", probe_seconds=0.0).park("email", "paused")
    assert sorted(each.to for each in deliverer.deliver(ids).values()) == [Status.PENDING, Status.SENT]
    assert deliverer._collector
    assert deliverer._collector._given == {}
