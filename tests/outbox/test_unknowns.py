"""An unknown outcome at its deadline: a missing event counts only while events of ours flow."""

import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import Change, Decision, Report, Settlement, Unknown, Unknowns, Verdict, Wanted, expire
from tests.outbox.rows import Rows

TO = "ana@example.com"
AFTER = 2.0


def unknown(rows: Rows, begun_ago: float = 60.0) -> UUID:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Wanted(id_, TO)], 0)
    expire(rows.engine, unknown_after=0.0)
    rows.run(
        "UPDATE deliveries SET begun_at = now() - make_interval(secs => :ago) WHERE notification_id = :id",
        id=id_,
        ago=begun_ago,
    )
    return id_


def another_is_told_of(rows: Rows, ago: float = 0.0) -> None:
    """An event of a message that left so many seconds ago."""
    (id_,) = rows.pending()
    token = uuid.uuid4()
    rows.attempts().begin(token, [Wanted(id_, TO)], 60)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
    sent_at = datetime.now(UTC) - timedelta(seconds=ago)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, str(id_), sent_at, sent_at, id_, 1)])


def asked(rows: Rows, decision: Decision = Decision.RESEND) -> list[Unknown]:
    seen: list[Unknown] = []

    def decide(each: Unknown) -> Verdict:
        seen.append(each)
        return Verdict(decision if each.flowing else Decision.WAIT, "for the test")

    Unknowns(rows.engine, AFTER).settle(decide)
    return seen


def test_without_events_nothing_is_known(rows: Rows) -> None:
    id_ = unknown(rows)
    assert [each.flowing for each in asked(rows)] == [False]
    assert rows.status(id_) is Status.UNKNOWN
    assert asked(rows) == []  # it waits a while before it asks again


@pytest.mark.parametrize(
    ("drained", "told_ago", "flowing"),
    [(True, 0.0, True), (False, 0.0, False), (True, 120.0, False)],
    ids=["flow", "queue not empty", "only of older messages"],
)
def test_events_flow_when_later_messages_are_told_of_and_the_queue_is_empty(
    rows: Rows, drained: bool, told_ago: float, flowing: bool
) -> None:
    id_ = unknown(rows)
    another_is_told_of(rows, told_ago)
    if drained:
        Settlement(rows.engine, channel="email").idle()

    assert [each.flowing for each in asked(rows)] == [flowing]
    assert rows.status(id_) is (Status.PENDING if flowing else Status.UNKNOWN)


def test_a_queue_that_was_empty_before_the_deadline_proves_nothing(rows: Rows) -> None:
    unknown(rows, begun_ago=60.0)
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()
    rows.run("UPDATE channel_events SET drained_at = now() - interval '59 s'")
    assert [each.flowing for each in asked(rows)] == [False]


def test_what_is_sent_again_is_due_and_counts_as_a_failure(rows: Rows) -> None:
    id_ = unknown(rows)
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()

    (seen,) = asked(rows)

    assert (seen.id, seen.route, seen.channel, seen.attempt, seen.failures) == (id_, "a_route", "email", 1, 0)
    (work,) = rows.attempts().load([id_])
    assert work.failures == 1
    assert rows.one("SELECT kind FROM due")["kind"] == "retry"
    assert Report(rows.engine).audit()[1] == []
    (event,) = rows.all("SELECT * FROM delivery_events WHERE status_to = 'pending'")
    assert event["reason"] == "for the test"


def test_what_is_held_stays_for_the_operator(rows: Rows) -> None:
    id_ = unknown(rows)
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()

    assert len(asked(rows, Decision.HOLD)) == 1

    assert asked(rows) == []
    assert rows.status(id_) is Status.UNKNOWN
    assert Report(rows.engine).aside()["held"] == 1
    assert Report(rows.engine).audit()[1] == []


def test_an_event_that_comes_after_all_settles_what_is_held(rows: Rows) -> None:
    id_ = unknown(rows)
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()
    asked(rows, Decision.HOLD)
    now = datetime.now(UTC)

    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, "late", now, now, id_, 1)])

    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []


def test_two_bridges_decide_about_each_unknown_once(rows: Rows) -> None:
    ids = {unknown(rows) for _ in range(5)}
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()
    seen: list[UUID] = []

    def decide(each: Unknown) -> Verdict:
        if not seen:
            seen.append(each.id)
            seen.extend(other.id for other in asked(rows))  # another bridge, in the middle of this one's round
        elif each.id not in seen:
            seen.append(each.id)
        return Verdict(Decision.DROP, "for the test")

    Unknowns(rows.engine, AFTER).settle(decide, limit=2)
    assert set(seen) == ids
    assert (
        sum(row["n"] for row in rows.all("SELECT count(*) AS n FROM delivery_events WHERE status_from = 'unknown'"))
        == 5
    )


def say(rows: Rows, told: Feedback) -> None:
    """That event, and then an empty queue."""
    settlement = Settlement(rows.engine, channel="email")
    settlement.settle([told])
    settlement.idle()


def sent(rows: Rows) -> UUID:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    rows.attempts().begin(token, [Wanted(id_, TO)], 60)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
    return id_


@pytest.mark.parametrize("kind", [kind for kind in FeedbackKind if kind is not FeedbackKind.SEND])
def test_events_that_not_every_acceptance_has_prove_nothing_by_their_absence(rows: Rows, kind: FeedbackKind) -> None:
    """A configuration set that does not publish Send never proves silence."""
    unknown(rows)
    id_, now = sent(rows), datetime.now(UTC)
    say(rows, Feedback(kind, str(id_), now, now, id_, 1))
    assert [each.flowing for each in asked(rows)] == [False]


@pytest.mark.parametrize("kind", FeedbackKind)
@pytest.mark.parametrize(
    ("names", "attempt"), [("nothing", None), ("nothing", 1), ("another", 1), ("ours", None), ("ours", 7)]
)
def test_events_of_others_prove_nothing(rows: Rows, kind: FeedbackKind, names: str, attempt: int | None) -> None:
    """Untagged, of another Notifier, or of an attempt that we did not make."""
    unknown(rows)
    id_ = {"nothing": None, "another": uuid.uuid4(), "ours": sent(rows)}[names]
    now = datetime.now(UTC)
    say(rows, Feedback(kind, "m-foreign", now, now, id_, attempt, permanent=True))
    assert [each.flowing for each in asked(rows)] == [False]


def test_an_event_that_is_replayed_proves_what_it_proved(rows: Rows) -> None:
    unknown(rows)
    id_, then = sent(rows), datetime.now(UTC) - timedelta(minutes=10)
    for _ in range(2):
        say(rows, Feedback(FeedbackKind.SEND, str(id_), then, then, id_, 1))
    assert [each.flowing for each in asked(rows)] == [False]


def test_where_another_notifier_takes_from_the_same_queue_silence_proves_nothing(rows: Rows) -> None:
    """It brings us events of notifications that are not ours, so events of ours may have gone to it."""
    id_ = unknown(rows)
    another_is_told_of(rows)
    now = datetime.now(UTC)
    say(rows, Feedback(FeedbackKind.SEND, "m-foreign", now, now, uuid.uuid4(), 1))
    assert [each.flowing for each in asked(rows)] == [False]

    rows.run("UPDATE unmatched_feedback SET received_at = now() - interval '2 min'")  # it stopped before the attempt
    rows.run("UPDATE due SET due_at = now()")
    assert [each.flowing for each in asked(rows)] == [True]
    assert rows.status(id_) is Status.PENDING
