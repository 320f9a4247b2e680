"""A delivery that is known not to be sent on one channel goes on to the next one, whatever comes between."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from notifier.feedback import Feedback, FeedbackKind
from notifier.lanes import Lane
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    Change,
    Decision,
    FallBack,
    Operations,
    OverdueAction,
    Publications,
    Recipient,
    Report,
    Selection,
    Settlement,
    ShadowMessage,
    Suppressions,
    Unknowns,
    end_leases,
)
from notifier.outbox.delivery import attempts
from tests.outbox.delivery.test_at_once import waiting
from tests.outbox.rows import Rows
from tests.waiting import wait_until

TO = "ana@example.com"
NUMBER = "+351912345678"


def on(rows: Rows, channel: str) -> Attempts:
    return Attempts(rows.engine, channel=channel, worker=f"{channel}-worker")


def refused(id_: UUID, to: str = "sms", *, status: Status = Status.FAILED, gone: bool = False) -> FallBack:
    return FallBack(id_, status, failed=True, reason="refused", detail="550 no", gone=gone, next=to)


def begun(rows: Rows, channel: str = "email", address: str = TO) -> tuple[UUID, UUID]:
    (id_,) = rows.pending()
    return id_, begin(rows, id_, channel, address)


def begin(rows: Rows, id_: UUID, channel: str, address: str) -> UUID:
    token = uuid.uuid4()
    assert [each.id for each in on(rows, channel).begin(token, [Recipient(id_, address)], 60).begun] == [id_]
    return token


def queues(rows: Rows) -> list[str]:
    """The queues in which what is due now is published."""
    publications = Publications(rows.engine, look_again=0.0)
    publications.publish_due_retries(100)
    return [each.queue for queue in ("email", "sms") for each in publications.take_due(queue, 100) if each.waiting]


def test_it_is_due_at_once_on_the_next_channel_with_the_reason_and_a_fresh_count_of_failures(rows: Rows) -> None:
    id_, token = begun(rows)

    assert rows.attempts().fall_back([refused(id_)], token) == {id_}

    row = rows.delivery(id_)
    assert (row["status"], row["channel"], row["first_channel"]) == ("pending", "sms", "email")
    assert (row["attempt"], row["failures"], row["reason"]) == (1, 0, "email: refused; goes on to sms")
    assert rows.one("SELECT channel FROM notifications WHERE notification_id = :id", id=id_) == {"channel": "sms"}
    event = rows.one("SELECT * FROM delivery_events")
    assert (event["status_from"], event["status_to"], event["detail"]) == ("sending", "pending", "550 no")
    assert event["reason"] == row["reason"]
    assert event["begun_at"] is not None
    assert rows.all("SELECT * FROM claims") == []
    assert rows.all("SELECT kind, channel FROM due") == [{"kind": "retry", "channel": "sms"}]
    assert rows.balanced()
    assert queues(rows) == ["sms"], "the publication of the first channel has nothing to send any more"
    assert [each.id for each in on(rows, "sms").load([id_])] == [id_]


def test_the_first_channel_can_do_nothing_with_it_any_more(rows: Rows) -> None:
    """Its message may come again, and a slow build of it may end."""
    id_, token = begun(rows)
    attempts = rows.attempts()
    attempts.fall_back([refused(id_)], token)
    before = rows.delivery(id_)

    assert attempts.load([id_]) == []
    assert attempts.begin(uuid.uuid4(), [Recipient(id_, TO)], 60).begun == []
    assert attempts.begin(token, [Recipient(id_, TO)], 60).begun == []
    assert attempts.decide([Change(id_, Status.FAILED, reason="late")]) == set()
    assert attempts.shadow([ShadowMessage(Recipient(id_, TO), "Hello", "shadow")]).shadowed == []
    assert attempts.fall_back([refused(id_, "push")], token) == set()
    assert attempts.fall_back([refused(id_, "push")]) == set()
    assert attempts.finish(token, [Change(id_, Status.FAILED, failed=True)]) == set()
    Suppressions(rows.engine, actor="test").add("email", TO, reason="manual")
    assert attempts.begin(uuid.uuid4(), [Recipient(id_, TO)], 60).suppressed == []
    assert rows.delivery(id_) == before


def test_what_is_decided_before_a_request_goes_on_too(rows: Rows) -> None:
    (id_,) = rows.pending()
    assert rows.attempts().fall_back([refused(id_, status=Status.SKIPPED)]) == {id_}
    assert rows.delivery(id_)["attempt"] == 0
    assert rows.one("SELECT begun_at FROM delivery_events") == {"begun_at": None}


def test_a_second_step_keeps_the_first_channel(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)])
    rows.run("UPDATE due SET due_at = now() + interval '1 h'")  # not published yet
    assert on(rows, "sms").fall_back([refused(id_, "chat")]) == {id_}
    row = rows.delivery(id_)
    assert (row["channel"], row["first_channel"]) == ("chat", "email")
    assert rows.one("SELECT channel FROM due") == {"channel": "chat"}


def test_others_of_the_attempt_keep_their_claim(rows: Rows) -> None:
    one, other = rows.pending(2)
    token = uuid.uuid4()
    rows.attempts().begin(token, [Recipient(one, TO), Recipient(other, "bo@example.com")], 60)
    rows.attempts().fall_back([refused(one)], token)

    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")  # killed here
    assert end_leases(rows.engine) == [other]
    assert (rows.status(one), rows.status(other)) == (Status.PENDING, Status.UNKNOWN)
    assert rows.balanced()


def test_only_the_attempt_of_its_token_goes_on(rows: Rows) -> None:
    id_, _ = begun(rows)
    assert rows.attempts().fall_back([refused(id_)], uuid.uuid4()) == set()
    assert rows.status(id_) is Status.SENDING


def test_a_late_answer_that_refuses_goes_on(rows: Rows) -> None:
    id_, token = begun(rows)
    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine)
    assert rows.attempts().fall_back([refused(id_)], token) == {id_}
    assert rows.delivery(id_)["channel"] == "sms"
    assert rows.one("SELECT kind, channel FROM due") == {"kind": "retry", "channel": "sms"}
    assert rows.balanced()


def test_it_never_goes_on_after_an_answer_was_lost(rows: Rows) -> None:
    id_, _ = begun(rows)
    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine, unknown_after=0)
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(OverdueAction.RESEND, "no event"))
    token = begin(rows, id_, "email", TO)

    assert rows.attempts().fall_back([refused(id_)], token) == set()
    assert rows.attempts().finish(token, [refused(id_)]) == {id_}
    assert rows.status(id_) is Status.FAILED

    list(Operations(rows.engine, actor="eva").redrive(Selection(), "it did not arrive", per_second=1000.0))
    rows.run("UPDATE deliveries SET next_attempt_at = now()")
    assert rows.attempts().fall_back([refused(id_)], begin(rows, id_, "email", TO)) == {id_}


def test_it_goes_on_if_an_operator_knows_what_became_of_the_lost_answer(rows: Rows) -> None:
    id_, _ = begun(rows)
    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine)
    Operations(rows.engine, actor="eva").resolve(id_, Status.PENDING, "the log of the provider lacks it")
    rows.run("UPDATE deliveries SET next_attempt_at = now()")
    assert rows.attempts().fall_back([refused(id_)], begin(rows, id_, "email", TO)) == {id_}


def test_it_does_not_go_on_once_an_event_proved_an_acceptance(rows: Rows) -> None:
    id_, token = begun(rows)
    rows.run("UPDATE deliveries SET provider_message_id = 'm-1'")
    assert rows.attempts().fall_back([refused(id_)], token) == set()
    rows.attempts().finish(token, [refused(id_)])
    assert rows.status(id_) is Status.SENT


def test_a_dead_recipient_is_suppressed_on_its_own_channel(rows: Rows) -> None:
    id_, token = begun(rows)
    rows.attempts().fall_back([refused(id_, gone=True)], token)
    assert rows.all("SELECT channel, address, reason FROM suppressions") == [
        {"channel": "email", "address": TO, "reason": "hard_bounce"}
    ]


@pytest.mark.parametrize("shadow", [False, True])
def test_a_suppressed_recipient_is_spared_and_goes_on(rows: Rows, shadow: bool) -> None:
    spared, other = rows.pending(2)
    suppressions = Suppressions(rows.engine, actor="test")
    for each in (TO, "bo@example.com"):
        suppressions.add("email", each, reason="manual")
    to = [Recipient(spared, TO), Recipient(other, "bo@example.com")]
    if shadow:
        result = rows.attempts().shadow([ShadowMessage(each, "Hello", "shadow") for each in to], spared=[spared])
    else:
        result = rows.attempts().begin(uuid.uuid4(), to, 60, spared=[spared])

    assert (result.begun, result.shadowed, result.suppressed) == ([], [], [other])
    assert rows.attempts().why_suppressed([to[0], Recipient(spared, "cy@example.com")]) == {spared: "manual"}
    assert (rows.status(spared), rows.status(other)) == (Status.PENDING, Status.SUPPRESSED)
    assert rows.attempts().fall_back([refused(spared, status=Status.SUPPRESSED)]) == {spared}


def test_a_redrive_begins_at_the_first_channel_again(rows: Rows) -> None:
    id_, token = begun(rows)
    (other,) = rows.pending()
    rows.attempts().fall_back([refused(id_)], token)
    on(rows, "sms").decide([Change(id_, Status.FAILED, reason="no")])
    rows.run("UPDATE deliveries SET status = 'failed' WHERE notification_id = :id", id=other)

    assert list(Operations(rows.engine, actor="eva").redrive(Selection(), "fixed", per_second=1000.0)) == [2]

    rows.run("UPDATE deliveries SET next_attempt_at = now()")
    row = rows.delivery(id_)
    assert (row["status"], row["channel"], row["first_channel"]) == ("pending", "email", "email")
    assert rows.all("SELECT DISTINCT channel FROM notifications") == [{"channel": "email"}]
    assert rows.all("SELECT DISTINCT channel FROM due") == [{"channel": "email"}]
    assert rows.delivery(other)["channel"] is None
    assert on(rows, "sms").load([id_]) == []
    assert {each.id for each in rows.attempts().load([id_, other])} == {id_, other}
    assert rows.balanced()


def test_an_operator_selects_and_cancels_it_by_the_channel_that_it_is_on(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)])
    operations = Operations(rows.engine, actor="eva")
    assert list(operations.cancel(Selection(channel="email"), "no")) == []
    assert list(operations.cancel(Selection(channel="sms"), "no")) == [1]
    shown = Report(rows.engine).show(id_)
    assert shown is not None
    assert rows.status(id_) is Status.CANCELLED
    assert rows.delivery(id_)["channel"] == "sms"


def test_what_goes_on_while_an_operator_cancels_it_is_cancelled_on_the_channel_that_it_is_on(rows: Rows) -> None:
    (id_,) = rows.pending()
    cancel = Operations(rows.engine, actor="eva").cancel
    with ThreadPoolExecutor(1) as threads:
        with rows.engine.begin() as going_on:
            move = "UPDATE deliveries SET channel = 'sms', first_channel = 'email' WHERE notification_id = %s"
            going_on.exec_driver_sql(move, (id_,))
            going_on.exec_driver_sql("UPDATE notifications SET channel = 'sms' WHERE notification_id = %s", (id_,))
            cancelled = threads.submit(lambda: list(cancel(Selection(ids=[id_]), "no")))
            wait_until(lambda: waiting(rows.engine) == 1)
        assert cancelled.result(20) == [1]
    row = rows.delivery(id_)
    assert (row["status"], row["channel"]) == ("cancelled", "sms")
    assert rows.one("SELECT channel FROM notifications") == {"channel": "sms"}


def test_a_late_bounce_of_the_first_channel_does_not_change_what_the_next_one_sent(rows: Rows) -> None:
    id_, token = begun(rows)
    rows.attempts().fall_back([refused(id_)], token)
    token = begin(rows, id_, "sms", NUMBER)
    on(rows, "sms").finish(token, [Change(id_, Status.SENT, message_id="s-1")])
    now = datetime.now(UTC)

    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.BOUNCE, "m-1", now, now, id_, 1)])

    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT message_id FROM duplicates") == [{"message_id": "m-1"}], "it had accepted after all"
    Settlement(rows.engine, channel="sms").settle([Feedback(FeedbackKind.DELIVERY, "s-1", now, now, id_, 2)])
    assert rows.status(id_) is Status.DELIVERED


def _bounced_while_the_next_channel_sends(rows: Rows) -> tuple[UUID, UUID]:
    """Return the id and the token of the attempt on the next channel."""
    id_, token = begun(rows)
    rows.attempts().fall_back([refused(id_)], token)
    token = begin(rows, id_, "sms", NUMBER)
    Settlement(rows.engine, channel="email").settle([_event(id_, FeedbackKind.BOUNCE, "m-1", 1)])
    assert rows.status(id_) is Status.SENDING
    return id_, token


def _event(id_: UUID, kind: FeedbackKind, message: str, attempt: int, channel: str = "email") -> Feedback:
    now = datetime.now(UTC)
    return Feedback(kind, message, now, now, id_, attempt, permanent=True, channel=channel)


def _named(rows: Rows, id_: UUID) -> tuple[Any, Any, list[str]]:
    """Status and message of the delivery, and the messages that are duplicates."""
    row = rows.delivery(id_)
    twice = [each["message_id"] for each in rows.all("SELECT message_id FROM duplicates ORDER BY message_id")]
    return row["status"], row["provider_message_id"], twice


def test_a_bounce_of_the_first_channel_while_the_next_one_sends_is_not_of_what_that_one_sent(rows: Rows) -> None:
    id_, token = _bounced_while_the_next_channel_sends(rows)

    on(rows, "sms").finish(token, [Change(id_, Status.SENT, message_id="s-1")])
    assert _named(rows, id_) == ("sent", "s-1", ["m-1"])
    Settlement(rows.engine, channel="email").settle([_event(id_, FeedbackKind.COMPLAINT, "m-1", 1)])
    assert _named(rows, id_) == ("sent", "s-1", ["m-1"])
    Settlement(rows.engine, channel="sms").settle([_event(id_, FeedbackKind.DELIVERY, "s-1", 2, "sms")])
    assert _named(rows, id_) == ("delivered", "s-1", ["m-1"])


def test_the_message_of_the_next_channel_is_named_also_where_its_worker_dies_in_finish(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is half written. A late result of the first channel is not one of the message sent."""
    id_, token = _bounced_while_the_next_channel_sends(rows)

    def dies(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(attempts, "take_over", dies)
    with pytest.raises(RuntimeError):
        on(rows, "sms").finish(token, [Change(id_, Status.SENT, message_id="s-1")])

    assert _named(rows, id_) == ("sending", "m-1", [])
    Settlement(rows.engine, channel="email").settle([_event(id_, FeedbackKind.COMPLAINT, "m-1", 1)])
    assert _named(rows, id_) == ("sending", "m-1", [])
    Settlement(rows.engine, channel="sms").settle([_event(id_, FeedbackKind.DELIVERY, "s-1", 2, "sms")])
    assert _named(rows, id_) == ("delivered", "s-1", ["m-1"])


def test_its_own_event_that_comes_before_the_answer_names_it(rows: Rows) -> None:
    id_, token = _bounced_while_the_next_channel_sends(rows)

    Settlement(rows.engine, channel="sms").settle([_event(id_, FeedbackKind.SEND, "s-1", 2, "sms")])
    assert _named(rows, id_) == ("sent", "s-1", ["m-1"])
    on(rows, "sms").finish(token, [Change(id_, Status.SENT, message_id="s-1")])
    assert _named(rows, id_) == ("sent", "s-1", ["m-1"])


def test_the_bounce_holds_where_the_next_channel_did_not_send(rows: Rows) -> None:
    id_, token = _bounced_while_the_next_channel_sends(rows)

    on(rows, "sms").finish(token, [Change(id_, Status.FAILED, failed=True, reason="no such number")])
    assert _named(rows, id_) == ("bounced", "m-1", [])


@pytest.mark.parametrize("answers", [False, True])
def test_the_bounce_is_not_of_an_attempt_whose_answer_came_late_or_never(rows: Rows, answers: bool) -> None:
    id_, token = _bounced_while_the_next_channel_sends(rows)

    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine)
    assert _named(rows, id_) == ("sent", "m-1", [])
    if answers:
        on(rows, "sms").finish(token, [Change(id_, Status.SENT, message_id="s-1")])
        assert _named(rows, id_) == ("sent", "s-1", ["m-1"])


def test_a_late_answer_to_an_attempt_on_the_first_channel_leaves_the_message_of_the_next_one(rows: Rows) -> None:
    """Its worker was suspended, and an operator had it tried again meanwhile."""
    id_, suspended = begun(rows)
    rows.run("UPDATE claims SET lease_until = now() - interval '1 s'")
    end_leases(rows.engine)
    assert Operations(rows.engine, actor="eva").resolve(id_, Status.PENDING, "the log of the provider lacks it")
    assert rows.attempts().fall_back([refused(id_)]) == {id_}
    on(rows, "sms").finish(begin(rows, id_, "sms", NUMBER), [Change(id_, Status.SENT, message_id="s-1")])

    rows.attempts().finish(suspended, [Change(id_, Status.SENT, message_id="m-1")])
    assert _named(rows, id_) == ("sent", "s-1", ["m-1"])


def test_a_bounce_without_an_address_suppresses_no_recipient_of_another_channel(rows: Rows) -> None:
    """The failover lost the attempt on the first channel, so that both have the same number."""
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)])
    begin(rows, id_, "sms", NUMBER)
    Settlement(rows.engine, channel="email").settle([_event(id_, FeedbackKind.BOUNCE, "m-1", 1)])
    assert rows.all("SELECT * FROM suppressions") == []


def test_an_event_that_the_first_channel_had_accepted_ends_it(rows: Rows) -> None:
    id_, token = begun(rows)
    rows.attempts().fall_back([refused(id_)], token)
    now = datetime.now(UTC)
    Settlement(rows.engine, channel="email").settle([Feedback(FeedbackKind.DELIVERY, "m-1", now, now, id_, 1)])
    assert rows.status(id_) is Status.DELIVERED
    assert on(rows, "sms").load([id_]) == []


def test_it_goes_to_the_lane_of_its_route(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().fall_back([refused(id_)])
    publications = Publications(rows.engine, look_again=0.0, lanes={"a_route": Lane.LOW})
    publications.publish_due_retries(100)
    (publication,) = publications.take_due("sms:low", 10)
    assert list(publication.waiting) == [id_]
