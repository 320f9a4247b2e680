"""Overdue attempts: a missing event is evidence only while events of ours arrive."""

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
        "UPDATE deliveries SET begun_at = now() - make_interval(secs => :ago), "
        "ended_at = now() - make_interval(secs => :ago) WHERE notification_id = :id",
        id=id_,
        ago=begun_ago,
    )
    return id_


def event_of_another(rows: Rows, ago: float = 0.0) -> None:
    """Settle the `Send` event of another message, which was sent so many seconds ago."""
    (id_,) = rows.pending()
    token = uuid.uuid4()
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
    sent_at = datetime.now(UTC) - timedelta(seconds=ago)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, str(id_), sent_at, sent_at, id_, 1)])


def decide_overdue(rows: Rows, action: OverdueAction = OverdueAction.RESEND) -> list[OverdueAttempt]:
    """Decide with this action if events flow, else to wait. Return what was decided about."""
    seen: list[OverdueAttempt] = []

    def decide(each: OverdueAttempt) -> Decision:
        seen.append(each)
        return Decision(action if each.flowing else OverdueAction.WAIT, "for the test")

    Unknowns(rows.engine, AFTER).settle(decide)
    return seen


def test_without_events_an_overdue_attempt_waits(rows: Rows) -> None:
    id_ = unknown(rows)
    assert [each.flowing for each in decide_overdue(rows)] == [False]
    assert rows.status(id_) is Status.UNKNOWN
    assert decide_overdue(rows) == []  # not due again yet


@pytest.mark.parametrize(
    ("drained", "sent_ago", "flowing"),
    [(True, 0.0, True), (False, 0.0, False), (True, 120.0, False)],
    ids=["events flow", "queue not empty", "only events of older messages"],
)
def test_events_flow_after_an_event_of_a_later_message_and_an_empty_queue(
    rows: Rows, drained: bool, sent_ago: float, flowing: bool
) -> None:
    id_ = unknown(rows)
    event_of_another(rows, sent_ago)
    if drained:
        Settlement(rows.engine, channel="email").note_settled_before()

    assert [each.flowing for each in decide_overdue(rows)] == [flowing]
    assert rows.status(id_) is (Status.PENDING if flowing else Status.UNKNOWN)


def test_a_queue_that_was_empty_before_the_deadline_is_no_evidence(rows: Rows) -> None:
    unknown(rows, begun_ago=60.0)
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()
    rows.run("UPDATE channel_events SET drained_at = now() - interval '59 s'")
    assert [each.flowing for each in decide_overdue(rows)] == [False]


@pytest.mark.parametrize(
    ("drained_ago", "sent_ago", "flowing"),
    [(1.0, 1.0, True), (9.0, 1.0, False), (1.0, 10.0, False)],
    ids=["after the deadline", "drained before the deadline", "only events of messages of the time of the lease"],
)
def test_the_deadline_is_counted_from_the_end_of_the_attempt(
    rows: Rows, drained_ago: float, sent_ago: float, flowing: bool
) -> None:
    """Its request may leave long after it began: as the lease is about to end."""
    id_ = unknown(rows, begun_ago=70.0)
    rows.run("UPDATE deliveries SET ended_at = now() - interval '10 s' WHERE notification_id = :id", id=id_)
    event_of_another(rows, sent_ago)
    Settlement(rows.engine, channel="email").note_settled_before(drained_ago)
    assert [each.flowing for each in decide_overdue(rows)] == [flowing]


def test_a_resend_is_due_and_counts_as_a_failure(rows: Rows) -> None:
    id_ = unknown(rows)
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()

    (seen,) = decide_overdue(rows)

    assert (seen.id, seen.route, seen.channel, seen.attempt, seen.failures) == (id_, "a_route", "email", 1, 0)
    (due,) = rows.attempts().load([id_])
    assert due.failures == 1
    assert rows.one("SELECT kind FROM due")["kind"] == "retry"
    assert Report(rows.engine).audit()[1] == []
    (event,) = rows.all("SELECT * FROM delivery_events WHERE status_to = 'pending'")
    assert event["reason"] == "for the test"


def test_a_held_attempt_stays_unknown(rows: Rows) -> None:
    id_ = unknown(rows)
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()

    assert len(decide_overdue(rows, OverdueAction.HOLD)) == 1

    assert decide_overdue(rows) == []
    assert rows.status(id_) is Status.UNKNOWN
    assert Report(rows.engine).problem_counts()["held"] == 1
    assert Report(rows.engine).audit()[1] == []


def test_a_late_event_settles_a_held_attempt(rows: Rows) -> None:
    id_ = unknown(rows)
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()
    decide_overdue(rows, OverdueAction.HOLD)
    now = datetime.now(UTC)

    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.SEND, "late", now, now, id_, 1)])

    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []


def test_two_bridges_decide_about_each_overdue_attempt_once(rows: Rows) -> None:
    ids = {unknown(rows) for _ in range(5)}
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()
    seen: list[UUID] = []

    def decide(each: OverdueAttempt) -> Decision:
        if not seen:
            seen.append(each.id)
            seen.extend(other.id for other in decide_overdue(rows))  # another bridge, while this one decides
        elif each.id not in seen:
            seen.append(each.id)
        return Decision(OverdueAction.DROP, "for the test")

    Unknowns(rows.engine, AFTER).settle(decide, limit=2)
    assert set(seen) == ids
    assert (
        sum(row["n"] for row in rows.all("SELECT count(*) AS n FROM delivery_events WHERE status_from = 'unknown'"))
        == 5
    )


def settle_all(rows: Rows, event: Feedback) -> None:
    """Settle this event, after which the queue is empty."""
    settlement = Settlement(rows.engine, channel="email")
    settlement.settle([event])
    settlement.note_settled_before()


def sent(rows: Rows) -> UUID:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
    return id_


@pytest.mark.parametrize("kind", [kind for kind in FeedbackKind if kind is not FeedbackKind.SEND])
def test_only_send_events_show_that_events_flow(rows: Rows, kind: FeedbackKind) -> None:
    """Not every acceptance has another event: a configuration set that does not publish Send gives no evidence."""
    unknown(rows)
    id_, now = sent(rows), datetime.now(UTC)
    settle_all(rows, Feedback(kind, str(id_), now, now, id_, 1))
    assert [each.flowing for each in decide_overdue(rows)] == [False]


@pytest.mark.parametrize("kind", FeedbackKind)
@pytest.mark.parametrize(
    ("names", "attempt"), [("nothing", None), ("nothing", 1), ("another", 1), ("ours", None), ("ours", 7)]
)
def test_foreign_events_do_not_show_that_events_flow(
    rows: Rows, kind: FeedbackKind, names: str, attempt: int | None
) -> None:
    """Without tags, of another installation, or of an attempt that was not made."""
    unknown(rows)
    id_ = {"nothing": None, "another": uuid.uuid4(), "ours": sent(rows)}[names]
    now = datetime.now(UTC)
    settle_all(rows, Feedback(kind, "m-foreign", now, now, id_, attempt, permanent=True))
    assert [each.flowing for each in decide_overdue(rows)] == [False]


def test_a_replayed_old_event_does_not_show_that_events_flow(rows: Rows) -> None:
    unknown(rows)
    id_, then = sent(rows), datetime.now(UTC) - timedelta(minutes=10)
    for _ in range(2):
        settle_all(rows, Feedback(FeedbackKind.SEND, str(id_), then, then, id_, 1))
    assert [each.flowing for each in decide_overdue(rows)] == [False]


def test_a_missing_event_is_no_evidence_while_foreign_events_arrive(rows: Rows) -> None:
    """Another installation takes from the same queue, so it may have received events of ours."""
    id_ = unknown(rows)
    event_of_another(rows)
    now = datetime.now(UTC)
    settle_all(rows, Feedback(FeedbackKind.SEND, "m-foreign", now, now, id_at(now), 1))
    assert [each.flowing for each in decide_overdue(rows)] == [False]

    rows.run(
        "UPDATE unmatched_feedback SET received_at = now() - interval '2 min'"
    )  # the last one was before the attempt
    rows.run("UPDATE due SET due_at = now()")
    assert [each.flowing for each in decide_overdue(rows)] == [True]
    assert rows.status(id_) is Status.PENDING


def let_events_flow(rows: Rows) -> None:
    event_of_another(rows)
    Settlement(rows.engine, channel="email").note_settled_before()


def run_bridge(rows: Rows, *routes: Route) -> dict[OverdueAction, int]:
    """Decide as a bridge with these routes does, when all unknown outcomes are due again."""
    rows.run("UPDATE due SET due_at = now() WHERE kind = 'unknown'")
    return Deadlines(Unknowns(rows.engine, AFTER), Routes(routes)).run_once()


def advance(rows: Rows, seconds: float) -> None:
    """Make the times in the database older, as if so many seconds had passed."""
    for table, column in (("due", "routeless_since"), ("deliveries", "begun_at"), ("deliveries", "ended_at")):
        rows.run(f"UPDATE {table} SET {column} = {column} - make_interval(secs => :s)", s=seconds)


A_ROUTE = Route("a_route", "orders", "email", lambda _: None, lambda _: True)


@pytest.mark.parametrize("fault", ["feedback was down", "a long deadline", "foreign events"])
def test_a_bridge_without_the_route_leaves_an_old_attempt_to_a_bridge_with_it(rows: Rows, fault: str) -> None:
    """Only the time in which a bridge with the route could have decided counts."""
    id_ = unknown(rows, begun_ago=7_200)
    if fault == "feedback was down":
        assert run_bridge(rows)[OverdueAction.WAIT] == 1
        advance(rows, 7_200)
    elif fault == "foreign events":
        event_of_another(rows)
        now = datetime.now(UTC)
        settle_all(rows, Feedback(FeedbackKind.SEND, "m-foreign", now, now, id_at(now), 1))
        assert run_bridge(rows)[OverdueAction.WAIT] == 1
        advance(rows, 7_200)
        rows.run("DELETE FROM unmatched_feedback")
    let_events_flow(rows)
    for _ in range(3):
        assert run_bridge(rows)[OverdueAction.WAIT] == 1
        advance(rows, 1_000)
    assert run_bridge(rows, A_ROUTE)[OverdueAction.RESEND] == 1
    assert rows.status(id_) is Status.PENDING


def test_an_attempt_without_a_route_is_held_after_an_hour(rows: Rows) -> None:
    unknown(rows)
    let_events_flow(rows)
    assert run_bridge(rows)[OverdueAction.WAIT] == 1
    advance(rows, ROUTE_SECONDS)
    assert run_bridge(rows)[OverdueAction.HOLD] == 1


def test_the_hour_starts_again_when_events_stop_and_with_each_attempt(rows: Rows) -> None:
    id_ = unknown(rows)
    let_events_flow(rows)
    run_bridge(rows)
    advance(rows, 3_000)
    rows.run("UPDATE channel_events SET drained_at = NULL")
    run_bridge(rows)
    Settlement(rows.engine, channel="email").note_settled_before()
    assert run_bridge(rows)[OverdueAction.WAIT] == 1
    advance(rows, 3_000)
    assert run_bridge(rows)[OverdueAction.WAIT] == 1
    rows.run("UPDATE due SET routeless_since = now() - interval '1 day' WHERE notification_id = :id", id=id_)
    assert run_bridge(rows)[OverdueAction.WAIT] == 1  # that time was of an earlier attempt


def test_an_attempt_that_waits_for_another_bridge_is_due_at_a_random_time_soon(rows: Rows) -> None:
    for _ in range(8):
        unknown(rows)
    let_events_flow(rows)
    Deadlines(Unknowns(rows.engine, 60.0), Routes([])).run_once()
    due = [row["s"] for row in rows.all("SELECT extract(epoch FROM due_at - now())::float8 AS s FROM due")]
    assert len(due) == 8
    assert max(due) < 2
    assert len(set(due)) > 1


def id_at(moment: datetime) -> UUID:
    """The id of a notification of another installation, created at that time."""
    return notification_id("arn:other", "shardId-9", "9", "a_route", int(moment.timestamp() * 1000))


@pytest.mark.parametrize(("days", "waits"), [(0.0, True), (1.9, True), (2.1, False), (95.0, False)])
def test_an_event_whose_record_no_stream_can_bring_does_not_stop_decisions(
    rows: Rows, days: float, waits: bool
) -> None:
    """For example a complaint about a message of a day that was dropped."""
    unknown(rows)
    event_of_another(rows)
    now = datetime.now(UTC)
    late = Feedback(
        FeedbackKind.COMPLAINT, "m-late", now, now, id_at(now - timedelta(days=days)), 1, "ana@example.com"
    )
    settle_all(rows, late)
    stored = rows.one("SELECT look_at IS NOT NULL AS waits, recipient FROM unmatched_feedback")
    assert stored == {"waits": waits, "recipient": "ana@example.com" if waits else None}
    assert [each.flowing for each in decide_overdue(rows)] == [not waits]


def test_an_event_that_waited_too_long_does_not_stop_decisions(rows: Rows) -> None:
    unknown(rows)
    event_of_another(rows)
    now = datetime.now(UTC)
    settle_all(rows, Feedback(FeedbackKind.SEND, "m-late", now, now, id_at(now), 1))
    rows.run(
        "UPDATE unmatched_feedback SET notification_id = :id, look_at = now()", id=id_at(now - timedelta(days=3))
    )
    assert [each.flowing for each in decide_overdue(rows)] == [True]
    Settlement(rows.engine, channel="email").match_again()
    assert rows.one("SELECT look_at FROM unmatched_feedback") == {"look_at": None}
