"""An unknown outcome at its deadline: a missing event counts only while events of ours flow."""

import uuid
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bridge.deadlines import ROUTE_SECONDS, Deadlines
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status, notification_id
from notifier.outbox import (
    Change,
    Decision,
    OverdueAction,
    OverdueAttempt,
    Recipient,
    Report,
    Settlement,
    Unknowns,
    end_leases,
)
from notifier.routes import Route, Routes
from tests.outbox.rows import Rows

TO = "ana@example.com"
AFTER = 2.0


def unknown(rows: Rows, begun_ago: float = 60.0) -> UUID:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 0)
    end_leases(rows.engine, unknown_after=0.0)
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
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
    sent_at = datetime.now(UTC) - timedelta(seconds=ago)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, str(id_), sent_at, sent_at, id_, 1)])


def asked(rows: Rows, decision: OverdueAction = OverdueAction.RESEND) -> list[OverdueAttempt]:
    seen: list[OverdueAttempt] = []

    def decide(each: OverdueAttempt) -> Decision:
        seen.append(each)
        return Decision(decision if each.flowing else OverdueAction.WAIT, "for the test")

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

    assert len(asked(rows, OverdueAction.HOLD)) == 1

    assert asked(rows) == []
    assert rows.status(id_) is Status.UNKNOWN
    assert Report(rows.engine).problem_counts()["held"] == 1
    assert Report(rows.engine).audit()[1] == []


def test_an_event_that_comes_after_all_settles_what_is_held(rows: Rows) -> None:
    id_ = unknown(rows)
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()
    asked(rows, OverdueAction.HOLD)
    now = datetime.now(UTC)

    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, "late", now, now, id_, 1)])

    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []


def test_two_bridges_decide_about_each_unknown_once(rows: Rows) -> None:
    ids = {unknown(rows) for _ in range(5)}
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()
    seen: list[UUID] = []

    def decide(each: OverdueAttempt) -> Decision:
        if not seen:
            seen.append(each.id)
            seen.extend(other.id for other in asked(rows))  # another bridge, in the middle of this one's round
        elif each.id not in seen:
            seen.append(each.id)
        return Decision(OverdueAction.DROP, "for the test")

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
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
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
    say(rows, Feedback(FeedbackKind.SEND, "m-foreign", now, now, id_at(now), 1))
    assert [each.flowing for each in asked(rows)] == [False]

    rows.run("UPDATE unmatched_feedback SET received_at = now() - interval '2 min'")  # it stopped before the attempt
    rows.run("UPDATE due SET due_at = now()")
    assert [each.flowing for each in asked(rows)] == [True]
    assert rows.status(id_) is Status.PENDING


def flows(rows: Rows) -> None:
    another_is_told_of(rows)
    Settlement(rows.engine, channel="email").idle()


def looks(rows: Rows, *routes: Route) -> dict[OverdueAction, int]:
    """The round of a bridge that has these routes, at a time when all unknowns are due again."""
    rows.run("UPDATE due SET due_at = now() WHERE kind = 'unknown'")
    return Deadlines(Unknowns(rows.engine, AFTER), Routes(routes)).run_once()


def goes_by(rows: Rows, seconds: float) -> None:
    for table, column in (("due", "routeless_since"), ("deliveries", "begun_at")):
        rows.run(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=seconds)


A_ROUTE = Route("a_route", "orders", "email", lambda _: None, lambda _: True)


@pytest.mark.parametrize("fault", ["feedback was down", "a long deadline", "foreign events"])
def test_a_bridge_without_the_route_leaves_an_old_unknown_to_the_bridge_that_has_it(rows: Rows, fault: str) -> None:
    """What counts is the time in which a bridge with the route could have decided."""
    id_ = unknown(rows, begun_ago=7_200)
    if fault == "feedback was down":
        assert looks(rows)[OverdueAction.WAIT] == 1
        goes_by(rows, 7_200)
    elif fault == "foreign events":
        another_is_told_of(rows)
        now = datetime.now(UTC)
        say(rows, Feedback(FeedbackKind.SEND, "m-foreign", now, now, id_at(now), 1))
        assert looks(rows)[OverdueAction.WAIT] == 1
        goes_by(rows, 7_200)
        rows.run("DELETE FROM unmatched_feedback")
    flows(rows)
    for _ in range(3):
        assert looks(rows)[OverdueAction.WAIT] == 1
        goes_by(rows, 1_000)
    assert looks(rows, A_ROUTE)[OverdueAction.RESEND] == 1
    assert rows.status(id_) is Status.PENDING


def test_after_an_hour_in_which_a_bridge_with_the_route_could_have_decided_the_operator_is_asked(rows: Rows) -> None:
    unknown(rows)
    flows(rows)
    assert looks(rows)[OverdueAction.WAIT] == 1
    goes_by(rows, ROUTE_SECONDS)
    assert looks(rows)[OverdueAction.HOLD] == 1


def test_the_hour_begins_anew_where_events_stopped_to_flow_and_with_each_attempt(rows: Rows) -> None:
    id_ = unknown(rows)
    flows(rows)
    looks(rows)
    goes_by(rows, 3_000)
    rows.run("UPDATE channel_events SET drained_at = NULL")
    looks(rows)
    Settlement(rows.engine, channel="email").idle()
    assert looks(rows)[OverdueAction.WAIT] == 1
    goes_by(rows, 3_000)
    assert looks(rows)[OverdueAction.WAIT] == 1
    rows.run("UPDATE due SET routeless_since = now() - interval '1 day' WHERE notification_id = :id", id=id_)
    assert looks(rows)[OverdueAction.WAIT] == 1  # that was of an earlier attempt


def test_what_waits_for_another_bridge_is_due_again_soon_and_not_always_for_the_same_one(rows: Rows) -> None:
    for _ in range(8):
        unknown(rows)
    flows(rows)
    Deadlines(Unknowns(rows.engine, 60.0), Routes([])).run_once()
    due = [row["s"] for row in rows.all("SELECT extract(epoch FROM due_at - now())::float8 AS s FROM due")]
    assert len(due) == 8
    assert max(due) < 2
    assert len(set(due)) > 1


def id_at(moment: datetime) -> UUID:
    """Of another Notifier, made at that time."""
    return notification_id("arn:other", "shardId-9", "9", "a_route", int(moment.timestamp() * 1000))


@pytest.mark.parametrize(("days", "waits"), [(0.0, True), (1.9, True), (2.1, False), (95.0, False)])
def test_an_event_whose_record_no_stream_can_bring_holds_up_nothing(rows: Rows, days: float, waits: bool) -> None:
    """A complaint about a mail of a day that was dropped, say."""
    unknown(rows)
    another_is_told_of(rows)
    now = datetime.now(UTC)
    late = Feedback(
        FeedbackKind.COMPLAINT, "m-late", now, now, id_at(now - timedelta(days=days)), 1, "ana@example.com"
    )
    say(rows, late)
    kept = rows.one("SELECT look_at IS NOT NULL AS waits, recipient FROM unmatched_feedback")
    assert kept == {"waits": waits, "recipient": "ana@example.com" if waits else None}
    assert [each.flowing for each in asked(rows)] == [not waits]


def test_an_event_that_waited_until_its_record_is_too_old_holds_up_nothing(rows: Rows) -> None:
    unknown(rows)
    another_is_told_of(rows)
    now = datetime.now(UTC)
    say(rows, Feedback(FeedbackKind.SEND, "m-late", now, now, id_at(now), 1))
    rows.run(
        "UPDATE unmatched_feedback SET notification_id = :id, look_at = now()", id=id_at(now - timedelta(days=3))
    )
    assert [each.flowing for each in asked(rows)] == [True]
    Settlement(rows.engine, channel="email").match_again()
    assert rows.one("SELECT look_at FROM unmatched_feedback") == {"look_at": None}
