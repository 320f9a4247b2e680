"""Routes with a limit: a recipient gets so many messages, and what is beyond is skipped, or waits."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import exc

from notifier import Limit, RetryPolicy
from notifier.notifications import Status
from notifier.outbox import SCHEDULED, Change, Operations, Publications, Selection, Suppressions
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from workers.building.recipients import Recipients
from workers.decide import LeftPending

__all__ = ["env", "ses", "templates_path"]

DAY = timedelta(days=1)


def age(env: Environment, seconds: float) -> None:
    env.rows.run(
        "UPDATE limit_places SET since = ARRAY(SELECT at - make_interval(secs => :s) FROM unnest(since) AS at)",
        s=seconds,
    )


def test_what_is_beyond_the_limit_is_skipped_and_says_the_numbers(env: Environment) -> None:
    ids = env.pending("Ana <ana@example.com>", "ANA@example.com", "ana@example.com", "bo@example.com")

    changes = env.deliverer(at_most=Limit(2, per=DAY)).deliver(ids)

    assert sorted(each.lower() for each in env.ses.recipients()) == ["ana@example.com"] * 2 + ["bo@example.com"]
    (skipped,) = (id_ for id_, each in changes.items() if each.to is Status.SKIPPED)
    row = env.rows.delivery(skipped)
    assert (row["status"], row["attempt"], row["next_attempt_at"]) == ("skipped", 0, None)
    assert row["reason"].startswith(
        "over its limit of 2 messages in 1 day: 2 to this recipient, counted for route a_route; the next is free at "
    )
    assert env.rows.balanced()


@pytest.mark.parametrize("then", ["skip", "wait"])
def test_a_suppressed_recipient_beyond_the_limit_is_suppressed(
    env: Environment, then: Literal["skip", "wait"]
) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY, then=then))
    deliverer.deliver([first])
    Suppressions(env.rows.engine, actor="test").add("email", "ana@example.com", reason="complaint")

    assert deliverer.deliver([second])[second].to is Status.SUPPRESSED
    row = env.rows.delivery(second)
    assert (row["status"], row["reason"]) == ("suppressed", "complaint")


def test_a_full_limit_takes_nothing_of_the_rate(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY))
    deliverer.deliver([first])

    def batches(*given: Sequence[object]) -> list[Sequence[object]]:
        assert not given[0], "the rate was asked"
        return []

    monkeypatch.setattr(env.bucket, "batches", batches)
    assert deliverer.deliver([second])[second].to is Status.SKIPPED


def test_it_waits_until_a_place_is_free_if_the_limit_says_so(env: Environment) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY, then="wait"), retry=RetryPolicy(attempts=1))
    deliverer.deliver([first])

    assert deliverer.deliver([second])[second].to is Status.PENDING

    row = env.rows.delivery(second)
    assert row["next_attempt_at"] - datetime.now(UTC) == pytest.approx(DAY, abs=timedelta(minutes=1))
    assert row["reason"].startswith("over its limit of 1 message in 1 day: 1 to this recipient")
    assert env.rows.one("SELECT kind FROM due") == {"kind": SCHEDULED}
    assert (row["attempt"], row["failures"]) == (0, 0)

    age(env, DAY.total_seconds())
    env.rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=second)
    assert deliverer.deliver([second])[second].to is Status.SENT


def test_it_waits_no_longer_than_until_it_expires(env: Environment) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY, then="wait"), expires_after=3600.0)
    deliverer.deliver([first, second])
    (row,) = env.rows.all("SELECT * FROM deliveries WHERE status = 'pending'")
    assert row["next_attempt_at"] - datetime.now(UTC) < timedelta(hours=1)
    assert row["reason"].endswith("it expires before that")


def test_a_retry_does_not_count_again(env: Environment) -> None:
    (id_,) = env.pending("ana@example.com")
    env.fault(kind="throttle", times=1)
    deliverer = env.deliverer(at_most=Limit(1, per=DAY))
    assert deliverer.deliver([id_])[id_].to is Status.PENDING
    env.rows.run("UPDATE deliveries SET next_attempt_at = now()")
    assert deliverer.deliver([id_])[id_].to is Status.SENT
    assert len(env.mails(id_)) == 1


def test_the_answer_to_the_begin_is_lost(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction is repeated with the same token, and finds what it began: one is sent, one is skipped."""
    begin, calls = env.attempts.begin, []

    def cut(*arguments: object, **options: object) -> object:
        done = begin(*arguments, **options)
        calls.append(done)
        if len(calls) == 1:
            raise exc.OperationalError("", {}, ConnectionResetError("cut"), connection_invalidated=True)
        return done

    monkeypatch.setattr(env.attempts, "begin", cut)
    ids = env.pending("ana@example.com", "ana@example.com")
    changes = env.deliverer(at_most=Limit(1, per=DAY)).deliver(ids)
    assert len(calls) == 2
    assert sorted(each.to for each in changes.values()) == ["sent", "skipped"]
    assert env.ses.recipients() == ["ana@example.com"]


def test_a_database_that_does_not_take_what_is_beyond_the_limit_hides_nothing_that_was_sent(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay finds the others by their publication: they are pending."""
    decide, errors = env.attempts.decide, [exc.ProgrammingError("", {}, Exception("permission denied"))]

    def refused(changes: Sequence[Change], **given: object) -> object:
        if changes and errors:
            raise errors.pop()
        return decide(changes, **given)

    monkeypatch.setattr(env.attempts, "decide", refused)
    ids = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY))

    done = deliverer.deliver(ids)

    (left,) = (each for each in done.values() if isinstance(each, LeftPending))
    (sent,) = (id_ for id_ in ids if id_ != left.id)
    assert done[sent].to is Status.SENT
    assert (env.rows.status(sent), env.rows.status(left.id)) == (Status.SENT, Status.PENDING)
    env.rows.run("UPDATE publications SET due_at = now()")
    (due,) = Publications(env.rows.engine).take_due("email", 10)
    assert list(due.waiting) == [left.id]
    assert deliverer.deliver([left.id])[left.id].to is Status.SKIPPED


def test_an_operator_redrives_nothing_beyond_the_limit(env: Environment) -> None:
    """A failed one is decided anew: its place is its own, and another's is not."""
    first, second = env.pending("ana@example.com", "ana@example.com")
    env.fault(kind="refuse", code="MessageRejected", status=400, times=1)
    deliverer = env.deliverer(at_most=Limit(1, per=DAY))
    assert deliverer.deliver([first])[first].to is Status.FAILED
    assert deliverer.deliver([second])[second].to is Status.SKIPPED
    list(Operations(env.rows.engine, actor="eva").redrive(Selection(ids=[first]), "again", per_second=1_000))
    assert deliverer.deliver([first])[first].to is Status.SENT


def test_what_is_brought_forward_is_held_by_the_limit_all_the_same(env: Environment) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    deliverer = env.deliverer(at_most=Limit(1, per=DAY, then="wait"))
    deliverer.deliver([first])
    deliverer.deliver([second])
    operations = Operations(env.rows.engine, actor="eva")
    assert list(operations.bring_forward(Selection(ids=[second]), "she waits for it", per_second=1_000)) == [1]
    assert deliverer.deliver([second])[second].to is Status.PENDING
    assert env.ses.recipients() == ["ana@example.com"]


def test_in_shadow_nothing_is_counted(env: Environment) -> None:
    ids = env.pending("ana@example.com", "ana@example.com")
    changes = env.deliverer(at_most=Limit(1, per=DAY), shadow=True).deliver(ids)
    assert {each.to for each in changes.values()} == {Status.SHADOWED}
    assert env.rows.all("SELECT * FROM limit_places") == []


def test_who_a_message_was_built_for_counts_when_it_is_redirected(env: Environment) -> None:
    ids = env.pending("ana@example.com", "bo@example.com")
    team = Recipients("email", [], "team@example.com", redirects=True)
    changes = env.deliverer(at_most=Limit(1, per=DAY), recipients=team).deliver(ids)
    assert {each.to for each in changes.values()} == {Status.SENT}


def test_routes_of_a_group_count_together(env: Environment) -> None:
    first, second = env.pending("ana@example.com", "ana@example.com")
    env.rows.run("UPDATE notifications SET route = 'b_route' WHERE notification_id = :id", id=second)
    marketing = Limit(1, per=DAY, group="marketing")
    env.deliverer(at_most=marketing).deliver([first])
    changes = env.deliverer(at_most=marketing, name="b_route").deliver([second])
    assert changes[second].to is Status.SKIPPED
    assert "counted for group marketing" in (changes[second].reason or "")


def test_what_is_limited_is_counted(env: Environment) -> None:
    counted: list[tuple[list[Status], bool, bool]] = []

    def count(changes: Sequence[Change], *, built: bool, limited: bool = False) -> None:
        if changes:
            counted.append(([each.to for each in changes], built, limited))

    ids = env.pending("ana@example.com", "ana@example.com")
    env.deliverer(at_most=Limit(1, per=DAY), count=count).deliver(ids)
    assert counted == [([Status.SENT], True, False), ([Status.SKIPPED], True, True)]


def test_a_route_without_a_limit_begins_with_one_statement(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def unused(*_: object, **__: object) -> None:
        raise AssertionError("a limit was asked for")

    monkeypatch.setattr(env.attempts, "full_limits", unused)
    monkeypatch.setattr(env.attempts, "_transactions", None)
    (id_,) = env.pending("ana@example.com")
    assert env.deliverer().deliver([id_])[id_].to is Status.SENT
