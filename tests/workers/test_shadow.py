"""What is in shadow is built and not sent, whichever way it is delivered."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import exc

from celery_units.unfinished import Unfinished
from notifier import Email, Event
from notifier.notifications import Status, created_ms
from notifier.outbox import Operations, Report, Selection, Suppressions
from notifier.routes import Routes, routes_of
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env, hello

__all__ = ["env", "ses", "templates_path"]


def subject(env: Environment, id_: UUID) -> str | None:
    row = env.rows.one(
        "SELECT detail FROM delivery_events WHERE notification_id = :id AND status_to = 'shadowed'", id=id_
    )
    found: str | None = row["detail"]
    return found


def test_a_route_in_shadow_sends_nothing_and_keeps_recipient_and_subject(env: Environment) -> None:
    ids = env.pending("Ana <ana@example.com>", "bo@example.com")

    changes = env.deliverer(shadow=True).deliver(ids)

    assert {each.to for each in changes.values()} == {Status.SHADOWED}
    assert env.ses.recipients() == []
    row = env.rows.delivery(ids[0])
    assert (row["status"], row["recipient"], row["reason"]) == ("shadowed", "ana@example.com", "in shadow")
    assert (row["attempt"], row["provider_message_id"], row["next_attempt_at"]) == (0, None, None)
    assert subject(env, ids[0]) == "Hello Ana"
    assert env.rows.balanced()
    assert Report(env.rows.engine).totals()["shadowed"] == len(ids)


def test_shadow_takes_nothing_of_the_rate(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def batches(*_: object) -> None:
        raise AssertionError("the rate was asked")

    (id_,) = env.pending("ana@example.com")
    monkeypatch.setattr(env.bucket, "batches", batches)
    env.deliverer(shadow=True).deliver([id_])
    assert env.rows.status(id_) is Status.SHADOWED


def test_shadow_ends_at_a_time_of_the_event(env: Environment) -> None:
    before, at = env.pending("ana@example.com", "bo@example.com")
    until = datetime.fromtimestamp(created_ms(at) / 1000, UTC)
    earlier = env.rows.notification(99, created_ms(at) - 1).id
    env.rows.run("UPDATE notifications SET notification_id = :to WHERE notification_id = :id", to=earlier, id=before)
    env.rows.run("UPDATE deliveries SET notification_id = :to WHERE notification_id = :id", to=earlier, id=before)

    env.deliverer(shadow_until=until).deliver([earlier, at])

    assert env.rows.status(earlier) is Status.SHADOWED
    assert env.rows.delivery(earlier)["reason"] == f"in shadow: its event is from before {until:%Y-%m-%dT%H:%M:%SZ}"
    assert env.rows.status(at) is Status.SENT
    assert env.ses.recipients() == ["bo@example.com"]


def test_the_settings_put_every_route_in_shadow() -> None:
    from notifier import route

    made = route(table="activity", channel="email")(lambda_free)
    routes = Routes(routes_of(made)[:1])
    assert not any(each.may_shadow for each in routes)
    assert next(iter(routes.in_shadow(True, None))).shadow_reason(0) == "in shadow"
    until = datetime(2026, 1, 31, 9, tzinfo=UTC)
    at = int(until.timestamp() * 1000)
    timed = next(iter(routes.in_shadow(False, until)))
    assert timed.shadow_reason(at - 1)
    assert timed.shadow_reason(at) is None
    back = next(iter(routes.in_shadow(False, until, until + timedelta(hours=1))))
    assert [bool(back.shadow_reason(at + hours * 3_600_000)) for hours in (-1, 0, 1)] == [True, False, True]
    for year in (1, 1970):
        always = next(iter(routes.in_shadow(False, None, datetime(year, 1, 1, tzinfo=UTC))))
        assert always.may_shadow
        assert always.shadow_reason(at)
    assert routes.in_shadow(False, None) is routes


def lambda_free(event: Event) -> Email | None:
    return hello(event)


def test_a_suppressed_recipient_is_suppressed_in_shadow_too(env: Environment) -> None:
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="manual")
    (id_,) = env.pending("Ana <ana@example.com>")
    changes = env.deliverer(shadow=True).deliver([id_])
    assert changes[id_].to is env.rows.status(id_) is Status.SUPPRESSED


def test_an_answer_of_the_database_that_is_lost_shadows_once(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    shadow = env.attempts.shadow
    lost = iter([True])

    def once(*arguments: object, **options: object) -> object:
        done = shadow(*arguments, **options)
        if next(lost, False):
            raise exc.OperationalError("lost", {}, Exception("the connection is gone"))
        return done

    env.attempts.shadow = once
    changes = env.deliverer(shadow=True).deliver([id_])
    assert changes[id_].to is env.rows.status(id_) is Status.SHADOWED
    assert env.ses.recipients() == []
    assert len(env.rows.all("SELECT FROM delivery_events WHERE status_to = 'shadowed'")) == 1


def test_what_is_set_aside_is_shadowed_too(env: Environment) -> None:
    was_set_aside = threading.Event()

    def slow(event: Event) -> Email | None:
        was_set_aside.wait(60)
        return hello(event)

    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(slow, sets_aside=True, shadow=True)
    unfinished = deliverer.deliver([id_])[id_]
    assert isinstance(unfinished, Unfinished)
    was_set_aside.set()
    assert unfinished.wait(30)
    deliverer.deliver([id_])
    assert env.rows.status(id_) is Status.SHADOWED
    assert env.ses.recipients() == []


def test_redrive_asks_for_shadowed_ones_and_the_settings_decide_again(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.deliverer(shadow=True).deliver([id_])
    operations = Operations(env.rows.engine, actor="eva")
    one = Selection(ids=[id_])

    assert sum(operations.redrive(one, "all", per_second=1_000)) == 0
    assert sum(operations.redrive(one, "still in shadow", per_second=1_000, source=Status.SHADOWED)) == 1
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    env.deliverer(shadow=True).deliver([id_])
    assert env.rows.status(id_) is Status.SHADOWED
    assert env.ses.recipients() == []

    assert sum(operations.redrive(one, "the old one stopped early", per_second=1_000, source=Status.SHADOWED)) == 1
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    env.deliverer(shadow_until=datetime.now(UTC) - timedelta(hours=1)).deliver([id_])
    assert env.rows.status(id_) is Status.SENT
    assert env.ses.recipients() == ["ana@example.com"]
