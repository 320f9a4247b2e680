"""Overdue attempts whose mail named a configuration set of its own: events of other sets are no evidence about it."""

import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from bridge.deadlines import Deadlines
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status, notification_id
from notifier.outbox import Change, OverdueAction, Recipient, Settlement, Unknowns, end_leases
from notifier.retry import OnUnknown
from notifier.routes import Route, Routes
from tests.outbox.rows import Rows

TO = "ana@example.com"
DEFAULT = "notifier"
AFTER = 2.0


def unknown(rows: Rows, configuration_set: str | None) -> UUID:
    """An attempt of a minute ago whose outcome is unknown."""
    (id_,) = rows.pending()
    recipient = Recipient(id_, TO, configuration_set=configuration_set)
    rows.attempts().begin(uuid.uuid4(), [recipient], 0)
    end_leases(rows.engine, unknown_after=0.0)
    rows.run(
        "UPDATE deliveries SET begun_at = now() - interval '1 min', ended_at = now() - interval '1 min' "
        "WHERE notification_id = :id",
        id=id_,
    )
    return id_


def events_flow(rows: Rows, *sets: str | None, drained: bool = True) -> None:
    """Settle the `Send` event of a new message of each set. Then the queue is empty."""
    settlement = Settlement(rows.engine, channel="email", configuration_set=DEFAULT)
    now = datetime.now(UTC)
    events = []
    for name in sets:
        (id_,) = rows.pending()
        token = uuid.uuid4()
        rows.attempts().begin(token, [Recipient(id_, TO)], 60)
        rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_))])
        events.append(Feedback(FeedbackKind.SEND, str(id_), now, now, id_, 1, configuration_set=name))
    settlement.settle(events)
    if drained:
        settlement.note_settled_before()


def decide(rows: Rows, default: str = DEFAULT, on_unknown: OnUnknown | None = None) -> OverdueAction:
    """Decide about the only unknown outcome as a bridge does. Return the decision."""
    rows.run("UPDATE due SET due_at = now() WHERE kind = 'unknown'")
    a_route = Route("a_route", "orders", "email", lambda _: None, lambda _: True, on_unknown=on_unknown)
    decided = Deadlines(Unknowns(rows.engine, AFTER, default), Routes([a_route])).run_once()
    (action,) = (each for each, count in decided.items() if count)
    return action


@pytest.mark.parametrize("on_unknown", [None, OnUnknown.RESEND, OnUnknown.DROP])
def test_events_of_the_default_set_do_not_have_a_mail_of_another_set_sent_again(
    rows: Rows, on_unknown: OnUnknown | None
) -> None:
    id_ = unknown(rows, "blue")
    events_flow(rows, DEFAULT, "red")
    with capture_logs() as logs:
        assert decide(rows, on_unknown=on_unknown) is OverdueAction.HOLD
    assert rows.status(id_) is Status.UNKNOWN
    (alarm,) = logs
    assert alarm["event"].startswith("ALARM")
    assert alarm["reasons"] == ["no SEND events of its configuration set blue are known to flow"]


def test_a_mail_is_sent_again_once_events_of_its_own_set_flow(rows: Rows) -> None:
    id_ = unknown(rows, "blue")
    events_flow(rows, "blue")
    assert decide(rows) is OverdueAction.RESEND
    assert rows.status(id_) is Status.PENDING


def test_events_of_another_set_do_not_have_a_mail_of_the_default_set_sent_again(rows: Rows) -> None:
    unknown(rows, None)
    events_flow(rows, "blue")
    assert decide(rows) is OverdueAction.WAIT
    events_flow(rows, DEFAULT)
    assert decide(rows) is OverdueAction.RESEND


@pytest.mark.parametrize("tag", [None, DEFAULT])
def test_a_mail_that_names_the_default_set_is_one_of_the_default_set(rows: Rows, tag: str | None) -> None:
    unknown(rows, DEFAULT)
    events_flow(rows, "blue")
    assert decide(rows) is OverdueAction.WAIT
    events_flow(rows, tag)
    assert decide(rows) is OverdueAction.RESEND


@pytest.mark.parametrize("reason", ["the queue is not empty", "events of another installation arrive"])
def test_while_its_own_event_may_still_come_it_waits(rows: Rows, reason: str) -> None:
    unknown(rows, "blue")
    events_flow(rows, DEFAULT, drained=reason != "the queue is not empty")
    if reason != "the queue is not empty":
        now = datetime.now(UTC)
        foreign = notification_id("arn:other", "shardId-9", "9", "a_route", int(now.timestamp() * 1000))
        event = Feedback(FeedbackKind.SEND, "m-foreign", now, now, foreign, 1)
        Settlement(rows.engine, channel="email", configuration_set=DEFAULT).settle([event])
    assert decide(rows) is OverdueAction.WAIT


def test_an_event_of_the_set_from_before_the_attempt_is_no_evidence(rows: Rows) -> None:
    events_flow(rows, "blue")
    rows.run("UPDATE configuration_set_events SET events_sent_until = now() - interval '2 min'")
    unknown(rows, "blue")
    events_flow(rows, DEFAULT)
    assert decide(rows) is OverdueAction.HOLD


def test_the_set_is_that_of_the_last_attempt_and_null_for_the_usual_mail(rows: Rows) -> None:
    usual, own = sorted(rows.pending(2))
    begin = rows.attempts().begin
    begin(uuid.uuid4(), [Recipient(usual, TO), Recipient(own, TO, configuration_set="blue")], 60)
    assert [rows.delivery(id_)["configuration_set"] for id_ in (usual, own)] == [None, "blue"]
    rows.run("UPDATE deliveries SET status = 'pending'")
    begin(uuid.uuid4(), [Recipient(usual, TO), Recipient(own, TO)], 60)
    assert [rows.delivery(id_)["configuration_set"] for id_ in (usual, own)] == [None, None]


def test_the_times_of_sets_never_go_back_and_are_never_in_the_future(rows: Rows) -> None:
    def settle(sent_at: datetime) -> None:
        (id_,) = rows.pending()
        rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 60)
        event = Feedback(FeedbackKind.SEND, str(id_), sent_at, sent_at, id_, 1, configuration_set="blue")
        Settlement(rows.engine, channel="email", configuration_set=DEFAULT).settle([event])

    settle(datetime(2999, 1, 1, tzinfo=UTC))
    first = rows.one("SELECT events_sent_until, events_sent_until <= now() AS past FROM configuration_set_events")
    settle(datetime(2026, 1, 1, tzinfo=UTC))
    assert first["past"]
    assert rows.one("SELECT events_sent_until FROM configuration_set_events") == {
        "events_sent_until": first["events_sent_until"]
    }
    assert rows.all("SELECT * FROM channel_events") == []


def test_an_event_that_waits_for_its_notification_keeps_its_set(rows: Rows) -> None:
    now = datetime.now(UTC)
    id_ = rows.notification(1, int(now.timestamp() * 1000)).id
    settlement = Settlement(rows.engine, channel="email", configuration_set=DEFAULT)
    settlement.settle([Feedback(FeedbackKind.SEND, "m-1", now, now, id_, 1, configuration_set="blue")])
    rows.record(rows.page([1], at=int(now.timestamp() * 1000)))
    rows.run("UPDATE deliveries SET attempt = 1")
    settlement.match_again()
    assert rows.status(id_) is Status.SENT
    assert [each["configuration_set"] for each in rows.all("SELECT * FROM configuration_set_events")] == ["blue"]
    assert rows.all("SELECT * FROM channel_events") == []
