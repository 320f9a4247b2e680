"""Settle feedback: events may arrive in any order, repeated, or before the answer; each counts once."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from bridge.feedback.events import feedback_of
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Change,
    ChannelStates,
    RateLimits,
    Recipient,
    Report,
    Settlement,
    end_leases,
    last_days,
)
from notifier.outbox.delivery import attempts
from tests.outbox.rows import Rows

TO = "ana@example.com"
NOW = datetime.now(UTC)


def event(id_: UUID | None, kind: FeedbackKind = FeedbackKind.SEND, **values: Any) -> Feedback:
    given = {"message_id": "m-1", "occurred_at": NOW, "sent_at": NOW, "attempt": 1, **values}
    return Feedback(kind, notification_id=id_, **given)


def settlement(rows: Rows, **options: Any) -> Settlement:
    return Settlement(rows.engine, channel="email", **options)


def sending(rows: Rows, count: int = 1) -> tuple[UUID, list[UUID]]:
    ids, token = rows.pending(count), uuid.uuid4()
    assert len(rows.attempts().begin(token, [Recipient(id_, TO) for id_ in ids], 60).begun) == count
    return token, ids


def unknown(rows: Rows) -> UUID:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 0)
    assert end_leases(rows.engine) == [id_]
    return id_


ORDERS = list(permutations((FeedbackKind.SEND, FeedbackKind.DELIVERY, FeedbackKind.COMPLAINT)))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_events_in_any_order_and_repeated_have_the_same_result(rows: Rows, order: Sequence[FeedbackKind]) -> None:
    token, (id_,) = sending(rows)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")])
    events = [event(id_, kind) for kind in order]

    fresh = sum(settlement(rows).settle([each]).fresh for each in (*events, *events))

    assert fresh == 3
    assert rows.status(id_) is Status.COMPLAINED
    counted = rows.one("SELECT sends, deliveries, complaints, bounces FROM feedback_hours")
    assert counted == {"sends": 1, "deliveries": 1, "complaints": 1, "bounces": 0}


def test_an_event_that_arrives_before_the_answer_settles_the_delivery(rows: Rows) -> None:
    token, (id_,) = sending(rows)

    settled = settlement(rows).settle([event(id_), event(id_, FeedbackKind.DELIVERY)])

    assert (settled.fresh, settled.accepted, settled.duplicates) == (2, 1, 0)
    assert rows.status(id_) is Status.DELIVERED
    assert rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")]) == set()
    assert rows.attempts().finish(token, [Change(id_, Status.UNKNOWN, reason="cut")]) == set()
    assert rows.status(id_) is Status.DELIVERED


def test_an_event_makes_an_unknown_outcome_sent(rows: Rows) -> None:
    id_ = unknown(rows)

    assert settlement(rows).settle([event(id_)]).accepted == 1

    row = rows.delivery(id_)
    assert (row["status"], row["provider_message_id"]) == ("sent", "m-1")
    assert rows.all("SELECT * FROM due") == []
    assert Report(rows.engine).audit()[1] == []


def test_an_event_of_an_earlier_attempt_prevents_the_next_one(rows: Rows) -> None:
    id_ = unknown(rows)
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)

    settlement(rows).settle([event(id_)])

    assert rows.attempts().load([id_]) == []
    assert rows.status(id_) is Status.SENT


@pytest.mark.parametrize("outcome", [Status.PENDING, Status.FAILED, Status.UNKNOWN])
def test_an_event_of_an_earlier_attempt_counts_after_the_current_one(rows: Rows, outcome: Status) -> None:
    id_ = unknown(rows)
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
    rows.run("DELETE FROM due")
    token = uuid.uuid4()
    assert rows.attempts().begin(token, [Recipient(id_, TO)], 60).begun[0].attempt == 2

    assert settlement(rows).settle([event(id_)]).accepted == 0
    assert rows.status(id_) is Status.SENDING  # it keeps its own outcome

    rows.attempts().finish(token, [Change(id_, outcome, delay=1.0)])
    assert rows.status(id_) is Status.SENT  # and there is no third attempt
    assert rows.all("SELECT * FROM due") == []


def test_a_lease_that_ends_after_an_event_makes_the_delivery_sent(rows: Rows) -> None:
    id_ = unknown(rows)
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
    rows.run("DELETE FROM due")
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 0)
    settlement(rows).settle([event(id_)])

    assert end_leases(rows.engine) == [id_]

    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []


def second_attempt(rows: Rows, lease: float) -> tuple[UUID, UUID]:
    """A second attempt that is `sending`, after the outcome of the first was unknown."""
    id_, token = unknown(rows), uuid.uuid4()
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
    rows.run("DELETE FROM due")
    assert rows.attempts().begin(token, [Recipient(id_, TO)], lease).begun[0].attempt == 2
    return token, id_


@pytest.mark.parametrize("outcome", [Status.PENDING, Status.FAILED, Status.UNKNOWN, Status.SENT])
def test_a_result_that_arrives_during_a_later_attempt_is_not_lost(rows: Rows, outcome: Status) -> None:
    token, id_ = second_attempt(rows, 60)
    details = {FeedbackKind.BOUNCE: "no such mailbox", FeedbackKind.DELIVERY: "taken", FeedbackKind.SEND: None}
    settlement(rows).settle([event(id_, kind, detail=detail) for kind, detail in details.items()])
    assert rows.status(id_) is Status.SENDING

    accepted = "m-2" if outcome is Status.SENT else None
    rows.attempts().finish(token, [Change(id_, outcome, delay=1.0, message_id=accepted, reason="for the test")])

    assert (rows.status(id_), rows.delivery(id_)["reason"]) == (Status.BOUNCED, "no such mailbox")
    assert rows.all("SELECT * FROM claims") == []
    settlement(rows).settle([event(id_, FeedbackKind.COMPLAINT)])
    assert rows.status(id_) is Status.COMPLAINED


@pytest.mark.parametrize("outcome", [Status.PENDING, Status.FAILED, Status.UNKNOWN, Status.SENT])
def test_a_result_that_arrived_before_is_not_lost_where_the_worker_dies_in_finish(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, outcome: Status
) -> None:
    """Before the stored events are applied. The relay ends the lease, which the rest of the unit has left."""
    token, id_ = second_attempt(rows, 60)
    (other,) = rows.pending()
    rows.attempts().begin(token, [Recipient(other, TO)], 60)
    settlement(rows).settle([event(id_, FeedbackKind.BOUNCE)])

    def dies(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(attempts, "apply_earlier_results", dies)
    changes = [Change(id_, outcome, delay=1.0, reason="for the test"), Change(other, Status.SENT, message_id="o-1")]
    with pytest.raises(RuntimeError):
        rows.attempts().finish(token, changes)
    assert rows.status(other) is Status.SENT

    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine)
    assert (rows.status(id_), rows.status(other)) == (Status.BOUNCED, Status.SENT)
    assert rows.all("SELECT * FROM claims") == []
    assert Report(rows.engine).audit()[1] == []


def test_a_result_that_arrives_before_the_lease_ends_is_not_lost(rows: Rows) -> None:
    _, id_ = second_attempt(rows, 0)
    settlement(rows).settle([event(id_, FeedbackKind.BOUNCE), event(id_, FeedbackKind.COMPLAINT)])
    assert end_leases(rows.engine) == [id_]
    assert rows.status(id_) is Status.COMPLAINED


@pytest.mark.parametrize("at_once", [True, False])
def test_two_messages_of_one_notification_are_a_duplicate(rows: Rows, at_once: bool) -> None:
    id_ = unknown(rows)
    rows.run("UPDATE deliveries SET attempt = 2 WHERE notification_id = :id", id=id_)
    both = [event(id_), event(id_, message_id="m-2", attempt=2)]

    batches = [both] if at_once else [[each] for each in both]
    assert sum(settlement(rows).settle(batch).duplicates for batch in batches) == 1

    settlement(rows).settle([event(id_, FeedbackKind.DELIVERY, message_id="m-2", attempt=2)])
    (duplicate,) = Report(rows.engine).duplicates()
    assert duplicate["notification_id"] == id_


def test_an_answer_that_names_another_message_is_a_duplicate(rows: Rows) -> None:
    id_ = unknown(rows)
    rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
    token = uuid.uuid4()
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    settlement(rows).settle([event(id_)])

    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-2")])

    assert [each["message_id"] for each in Report(rows.engine).duplicates()] == ["m-2"]


def test_events_without_a_notification_are_stored_once(rows: Rows) -> None:
    (id_,) = rows.pending()
    unmatched = [
        event(None),
        event(uuid.uuid4()),
        event(id_, attempt=None),
        event(id_, FeedbackKind.BOUNCE, attempt=None),
    ]
    unmatched = [
        Feedback(each.kind, f"m-{number}", NOW, NOW, each.notification_id, each.attempt)
        for number, each in enumerate(unmatched)
    ]

    assert settlement(rows).settle(unmatched).unmatched == 4
    again = settlement(rows).settle(unmatched)

    assert (again.unmatched, again.repeated, again.fresh) == (0, 4, 0)
    assert rows.one("SELECT count(*) AS n FROM unmatched_feedback")["n"] == 4
    assert rows.status(id_) is Status.PENDING


def test_an_unreadable_message_is_stored_unchanged(rows: Rows) -> None:
    settlement(rows).settle([], [DeadLetter(b"\x00\xff{", "not JSON\0")])
    letter = rows.one("SELECT raw, error FROM dead_letters")
    assert (bytes(letter["raw"]), letter["error"]) == (b"\x00\xff{", "not JSON\N{SYMBOL FOR NULL}")


def test_an_unreadable_message_is_stored_once(rows: Rows) -> None:
    first, second = DeadLetter(b"{", "not JSON"), DeadLetter(b"[", "not JSON")
    assert settlement(rows).settle([], [first, first]).dead == 1
    again = settlement(rows).settle([], [second, first])
    assert (again.dead, again.repeated) == (1, 1)
    assert rows.one("SELECT count(*) AS n FROM dead_letters")["n"] == 2


SUPPRESSING = [
    (event(None, FeedbackKind.BOUNCE, permanent=True), "hard_bounce", True),
    (event(None, FeedbackKind.COMPLAINT), "complaint", True),
    (event(None, FeedbackKind.UNSUBSCRIBE, topic="news"), "unsubscribe", False),
]


@pytest.mark.parametrize(("found", "reason", "transactional_too"), SUPPRESSING)
def test_feedback_suppresses_the_recipient(rows: Rows, found: Feedback, reason: str, transactional_too: bool) -> None:
    token, (id_,) = sending(rows)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")])

    settlement(rows).settle(
        [Feedback(found.kind, "m-1", NOW, NOW, id_, 1, permanent=found.permanent, topic=found.topic)]
    )

    news, receipt = rows.pending(2)
    recipients = [Recipient(news, TO, "news"), Recipient(receipt, TO, "news", transactional=True)]
    result = rows.attempts().begin(uuid.uuid4(), recipients, 60)
    assert set(result.suppressed) == ({news, receipt} if transactional_too else {news})
    assert rows.delivery(news)["reason"] == reason
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(news, TO, "news")], 60).suppressed == []  # it is final


def test_a_soft_bounce_suppresses_no_recipient(rows: Rows) -> None:
    token, (id_,) = sending(rows)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")])
    settlement(rows).settle([event(id_, FeedbackKind.BOUNCE, detail="MailboxFull")])
    assert (rows.status(id_), rows.delivery(id_)["reason"]) == (Status.BOUNCED, "MailboxFull")
    assert rows.all("SELECT * FROM suppressions") == []


def test_complaints_above_the_limit_pause_the_channel(rows: Rows) -> None:
    token, ids = sending(rows, 20)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=f"m-{id_}") for id_ in ids])
    limits = RateLimits(complaints=0.05, least=20)
    delivered = [event(id_, FeedbackKind.DELIVERY, message_id=f"m-{id_}") for id_ in ids]
    settlement(rows, limits=limits).settle(delivered)
    channels = ChannelStates(rows.engine, actor="ops")
    assert channels.state("email").runs

    settlement(rows, limits=limits).settle([event(ids[0], FeedbackKind.COMPLAINT, message_id=f"m-{ids[0]}")])

    state = channels.state("email")
    assert (state.state, state.probe_at) == ("paused", None)
    assert "5.00% complaints" in (state.reason or "")
    channels.resume("email")  # earlier complaints no longer count
    settlement(rows, limits=limits).settle([event(ids[1], FeedbackKind.COMPLAINT, message_id=f"m-{ids[1]}")])
    assert channels.state("email").runs


def test_the_time_of_the_newest_event_is_never_in_the_future(rows: Rows) -> None:
    token, (id_,) = sending(rows)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")])
    settlement(rows).settle([event(id_, sent_at=NOW - timedelta(minutes=5))])
    settlement(rows).settle([event(id_, FeedbackKind.DELIVERY, sent_at=NOW + timedelta(days=1))])
    until = rows.one("SELECT events_sent_until <= now() AS past, drained_at FROM channel_events")
    assert until == {"past": True, "drained_at": None}
    settlement(rows).note_settled_before()
    assert rows.one("SELECT drained_at IS NOT NULL AS drained FROM channel_events")["drained"]


@pytest.mark.parametrize(("permanent", "reason"), [(True, "hard_bounce"), (False, "complaint")])
def test_messages_that_the_provider_does_not_send_count_into_no_rate(
    rows: Rows, permanent: bool, reason: str
) -> None:
    token, ids = sending(rows, 20)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_)) for id_ in ids])
    limits = RateLimits(least=10)
    events = [event(id_, FeedbackKind.DELIVERY, message_id=str(id_)) for id_ in ids[:15]]
    events += [
        event(id_, FeedbackKind.SUPPRESSED, message_id=str(id_), permanent=permanent, recipient=TO)
        for id_ in ids[15:]
    ]

    settlement(rows, limits=limits).settle(events)

    assert ChannelStates(rows.engine, actor="ops").state("email").runs
    assert {rows.status(id_) for id_ in ids[15:]} == {Status.BOUNCED}
    counted = rows.one("SELECT deliveries, bounces, hard_bounces, complaints FROM feedback_hours")
    assert counted == {"deliveries": 15, "bounces": 0, "hard_bounces": 0, "complaints": 0}
    assert rows.one("SELECT address, reason FROM suppressions") == {"address": TO, "reason": reason}

    bounced = [event(id_, FeedbackKind.BOUNCE, message_id=str(id_), permanent=True) for id_ in ids[:2]]
    settlement(rows, limits=limits).settle(bounced)
    assert not ChannelStates(rows.engine, actor="ops").state("email").runs


def bounced(rows: Rows, of: int, bounces: int) -> None:
    """Settle that many results, among them hard bounces. The channel is paused if they are a tenth of ten or more."""
    token, ids = sending(rows, of)
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id=str(id_)) for id_ in ids])
    kinds = [FeedbackKind.BOUNCE] * bounces + [FeedbackKind.DELIVERY] * (of - bounces)
    events = [event(id_, kind, message_id=str(id_), permanent=True) for id_, kind in zip(ids, kinds, strict=True)]
    settlement(rows, limits=RateLimits(bounces=0.1, least=10)).settle(events)
    rows.run("DELETE FROM suppressions")  # the next messages have the same recipient


def test_results_count_from_the_moment_at_which_the_channel_is_resumed(rows: Rows) -> None:
    """Not from the next hour: until then nothing would pause the channel again."""
    states = ChannelStates(rows.engine, actor="ops")

    def results() -> tuple[int, int]:
        last = last_days(rows.engine).get("email")
        return (last.results, last.hard_bounces) if last else (0, 0)

    bounced(rows, of=10, bounces=1)
    assert results() == (10, 1)
    assert not states.state("email").runs

    states.resume("email")
    assert results() == (0, 0)
    bounced(rows, of=9, bounces=1)
    assert results() == (9, 1)
    assert states.state("email").runs

    rows.run("UPDATE feedback_hours SET hour = hour - interval '1 hour'")
    rows.run("UPDATE channels SET rates_since = rates_since - interval '1 hour'")
    bounced(rows, of=1, bounces=1)  # in an hour that begins after the channel was resumed
    assert results() == (10, 2)
    assert not states.state("email").runs

    states.resume("email")
    bounced(rows, of=10, bounces=1)
    assert results() == (10, 1)
    assert not states.state("email").runs


def test_events_of_two_channels_in_a_batch_are_settled_each_for_its_own(rows: Rows) -> None:
    _, (mail, sms) = sending(rows, 2)
    bounced = {"kind": FeedbackKind.BOUNCE, "permanent": True}
    settled = settlement(rows, others=("sms",)).settle(
        [
            event(sms, message_id="s-1", recipient="+351 912 345 678", channel="sms", **bounced),
            event(mail, message_id="m-1", recipient=TO, **bounced),
        ]
    )
    assert (settled.fresh, settled.accepted) == (2, 2)
    assert rows.all("SELECT channel, address FROM suppressions ORDER BY channel") == [
        {"channel": "email", "address": TO},
        {"channel": "sms", "address": "+351912345678"},
    ]
    assert rows.all("SELECT channel, hard_bounces FROM feedback_hours ORDER BY channel") == [
        {"channel": "email", "hard_bounces": 1},
        {"channel": "sms", "hard_bounces": 1},
    ]


def test_an_event_of_an_sms_makes_an_unknown_outcome_sent_and_a_later_one_delivered(rows: Rows) -> None:
    id_ = unknown(rows)
    record = {
        "messageId": "sms-1",
        "messageRequestTimestamp": NOW.timestamp() * 1000,
        "eventTimestamp": NOW.timestamp() * 1000,
        "destinationPhoneNumber": "+351912345678",
        "context": {"nid": str(id_), "att": "1"},
    }
    settles = settlement(rows, others=("sms",))
    for name, final, status in (("TEXT_SENT", False, Status.SENT), ("TEXT_DELIVERED", True, Status.DELIVERED)):
        settles.settle(feedback_of({**record, "eventType": name, "isFinal": final}))
        assert rows.status(id_) is status
    assert rows.all("SELECT channel, sends, deliveries FROM feedback_hours") == [
        {"channel": "sms", "sends": 1, "deliveries": 1}
    ]


def test_a_queue_that_is_settled_is_so_for_each_of_its_channels(rows: Rows) -> None:
    settlement(rows, others=("sms",)).note_settled_before()
    assert [each["channel"] for each in rows.all("SELECT channel FROM channel_events ORDER BY channel")] == [
        "email",
        "sms",
    ]


def test_an_event_that_waited_for_its_notification_counts_for_the_channel_of_that(rows: Rows) -> None:
    page = rows.page([1])
    settlement(rows).settle([event(page.notifications[0].id, FeedbackKind.DELIVERY, channel="sms")])
    rows.record(page)
    rows.run("UPDATE notifications SET channel = 'sms'")
    rows.run("UPDATE unmatched_feedback SET look_at = now()")
    settlement(rows, others=("sms",)).match_again()
    assert rows.all("SELECT channel, deliveries FROM feedback_hours") == [{"channel": "sms", "deliveries": 1}]


def test_an_event_that_waited_counts_for_the_channel_that_sent_its_message(rows: Rows) -> None:
    """A failover lost the commits of a delivery that had gone on from SMS to email: it is on its first channel."""
    page = rows.page([1])
    bounce = event(page.notifications[0].id, FeedbackKind.BOUNCE, permanent=True, recipient="ana@example.com")
    settlement(rows, others=("sms",)).settle([bounce, replace(bounce, kind=FeedbackKind.SEND)])
    rows.record(page)
    rows.run("UPDATE notifications SET channel = 'sms'")
    rows.run("UPDATE unmatched_feedback SET look_at = now()")
    settlement(rows, others=("sms",)).match_again()
    assert rows.all("SELECT channel, hard_bounces FROM feedback_hours") == [{"channel": "email", "hard_bounces": 1}]
    assert rows.all("SELECT channel, address FROM suppressions") == [
        {"channel": "email", "address": "ana@example.com"}
    ]


def test_an_event_that_was_stored_without_its_channel_gets_that_of_its_notification(rows: Rows) -> None:
    page = rows.page([1])
    settlement(rows).settle([event(page.notifications[0].id, FeedbackKind.DELIVERY, channel="sms")])
    rows.record(page)
    rows.run("UPDATE notifications SET channel = 'sms'")
    rows.run("UPDATE unmatched_feedback SET look_at = now(), channel = NULL")
    settlement(rows, others=("sms",)).match_again()
    assert rows.all("SELECT channel, deliveries FROM feedback_hours") == [{"channel": "sms", "deliveries": 1}]
