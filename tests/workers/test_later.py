"""Routes that return `Later`: the row waits, and their function runs again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import exc

from notifier import Email, Event, Later, RetryPolicy, quiet_hours
from notifier.notifications import Status
from notifier.outbox import SCHEDULED, Operations, Selection
from tests.outbox.conftest import engine, rows
from tests.workers.test_deliverer import Environment, env, hello

__all__ = ["engine", "env", "rows"]


def comes(env: Environment) -> None:
    """The time of all that waits has come."""
    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
    env.rows.run("UPDATE due SET due_at = now()")


def test_it_is_called_again_at_its_time_and_sends_then(env: Environment) -> None:
    answers = [Later(timedelta(hours=2), reason="may be cancelled"), Later(timedelta(hours=1)), None]

    def build(event: Event) -> Email | Later | None:
        return answers.pop(0) or hello(event)

    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(build, retry=RetryPolicy(attempts=1, base=0.0))

    assert deliverer.deliver([id_])[id_].to is Status.PENDING
    row = env.rows.delivery(id_)
    assert (row["status"], row["attempt"], row["failures"], row["reason"]) == ("pending", 0, 0, "may be cancelled")
    assert row["next_attempt_at"] - datetime.now(UTC) == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=1))
    assert env.rows.one("SELECT kind FROM due") == {"kind": SCHEDULED}
    assert deliverer.deliver([id_]) == {}, "a duplicate of its task finds nothing to do"

    comes(env)
    deliverer.deliver([id_])
    assert env.rows.delivery(id_)["reason"] == "its route waits"
    assert env.mails(id_) == []

    comes(env)
    assert deliverer.deliver([id_])[id_].to is Status.SENT
    (mail,) = env.mails(id_)
    assert mail["tags"]["att"] == "1"


def test_it_may_decide_to_send_nothing(env: Environment) -> None:
    answers = [Later(timedelta(hours=2)), None]
    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(lambda _: answers.pop(0))
    deliverer.deliver([id_])
    comes(env)
    assert deliverer.deliver([id_])[id_].to is Status.SKIPPED


def test_others_of_its_unit_do_not_wait(env: Environment) -> None:
    first, second = env.pending("ana@example.com", "bo@example.com")

    def build(event: Event) -> Email | Later | None:
        return Later(timedelta(hours=1)) if (event.new or {})["to"].startswith("ana") else hello(event)

    changes = env.deliverer(build).deliver([first, second])
    assert {id_: each.to for id_, each in changes.items()} == {first: Status.PENDING, second: Status.SENT}


def test_it_expires_when_its_event_is_too_old_also_while_it_waits(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(lambda _: Later(timedelta(days=3), reason="the weekend"), expires_after=3600.0)

    deliverer.deliver([id_])
    row = env.rows.delivery(id_)
    assert row["next_attempt_at"] - datetime.now(UTC) < timedelta(hours=1)
    assert row["reason"] == "the weekend; it expires before that"

    comes(env)
    expired = env.deliverer(lambda _: Later(timedelta(days=3)), expires_after=1e-9)
    assert expired.deliver([id_])[id_].to is Status.EXPIRED


def test_a_route_whose_events_never_expire_waits(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(lambda _: Later(timedelta(days=3), reason="the weekend"), expires_after=1e18)
    assert deliverer.deliver([id_])[id_].reason == "the weekend"


@pytest.mark.parametrize("wrong", [lambda _: Later(datetime(2026, 1, 1)), lambda _: Later(timedelta.max)])  # noqa: DTZ001
def test_a_time_that_cannot_be_meant_is_a_failure_of_the_route(env: Environment, wrong: object) -> None:
    bad, good = env.pending("ana@example.com", "bo@example.com")

    def build(event: Event) -> object:
        return wrong(event) if (event.new or {})["to"].startswith("ana") else hello(event)  # type: ignore[operator]

    changes = env.deliverer(build, retry=RetryPolicy(attempts=1)).deliver([bad, good])
    assert (changes[bad].to, changes[good].to) == (Status.FAILED, Status.SENT)


def test_quiet_hours_do_not_hold_what_an_operator_brought_forward(env: Environment) -> None:
    """All day is quiet but one minute, which the clock of the database does not show."""
    away = (datetime.now(UTC) - timedelta(hours=12)).strftime("%H:%M")
    end = (datetime.now(UTC) - timedelta(hours=12, minutes=1)).strftime("%H:%M")

    def build(event: Event) -> Email | Later | None:
        until = quiet_hours(f"{away}-{end}", "UTC")
        return Later(until, reason="quiet hours") if until else hello(event)

    (id_,) = env.pending("ana@example.com")
    deliverer = env.deliverer(build)
    assert deliverer.deliver([id_])[id_].to is Status.PENDING
    comes(env)
    assert deliverer.deliver([id_])[id_].to is Status.PENDING

    operations = Operations(env.rows.engine, actor="eva")
    assert list(operations.bring_forward(Selection(ids=[id_]), "she waits for it", per_second=1_000)) == [1]
    assert deliverer.deliver([id_])[id_].to is Status.SENT


def test_the_answer_to_the_commit_is_lost(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statement is repeated, and the second time it finds that the delivery waits already."""
    schedule, calls = env.attempts.schedule, []

    def cut(changes: object) -> object:
        done = schedule(changes)
        calls.append(done)
        if len(calls) == 1:
            raise exc.OperationalError("", {}, ConnectionResetError("cut"), connection_invalidated=True)
        return done

    monkeypatch.setattr(env.attempts, "schedule", cut)
    (id_,) = env.pending("ana@example.com")

    changes = env.deliverer(lambda _: Later(timedelta(hours=1))).deliver([id_])

    assert calls == [{id_}, set()]
    assert changes[id_].to is Status.PENDING
    assert env.rows.delivery(id_)["failures"] == 0
