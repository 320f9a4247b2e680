"""A failover or a restored backup has lost commits: a second message is prevented, or counted once as a duplicate.

Later attempts get the numbers of lost attempts again; only message ids tell them apart.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Change,
    Decision,
    Operations,
    OverdueAction,
    Recipient,
    Report,
    Selection,
    Settlement,
    Unknowns,
    end_leases,
)
from tests.outbox.rows import Rows

TO = "ana@example.com"
NOW = datetime.now(UTC)


def event_of(id_: UUID, message_id: str = "m-lost", attempt: int = 1, **more: Any) -> Feedback:
    return Feedback(more.pop("kind", FeedbackKind.SEND), message_id, NOW, NOW, id_, attempt, **more)


def settlement(rows: Rows) -> Settlement:
    return Settlement(rows.engine, channel="email")


def begun(rows: Rows, id_: UUID, seconds: float = 60, to: str = TO) -> UUID:
    token = uuid.uuid4()
    assert [each.id for each in rows.attempts().begin(token, [Recipient(id_, to)], seconds).begun] == [id_]
    return token


def duplicates(rows: Rows) -> list[str]:
    return sorted(each["message_id"] for each in Report(rows.engine).duplicates())


def match_waiting(rows: Rows) -> None:
    """Look again for the notifications of waiting events, as if their time had come."""
    rows.run("UPDATE unmatched_feedback SET look_at = now() WHERE look_at IS NOT NULL")
    settlement(rows).match_again()


@pytest.mark.parametrize("attempt", [1, 2])
def test_an_event_of_an_attempt_whose_begin_was_lost_prevents_a_second_message(rows: Rows, attempt: int) -> None:
    (id_,) = rows.pending()

    settled = settlement(rows).settle([event_of(id_, attempt=attempt)])

    assert (settled.accepted, settled.unmatched) == (1, 0)
    assert rows.delivery(id_)["provider_message_id"] == "m-lost"
    assert rows.status(id_) is Status.SENT
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 60).begun == []


ORDERS = list(permutations(("answer", "event of the lost", "event of the new")))


@pytest.mark.parametrize("order", ORDERS, ids=", ".join)
@pytest.mark.parametrize("lost_attempt", [1, 2])
def test_two_acceptances_are_one_duplicate_in_any_order(rows: Rows, order: Sequence[str], lost_attempt: int) -> None:
    (id_,) = rows.pending()
    token = begun(rows, id_)
    steps: dict[str, Callable[[], object]] = {
        "answer": lambda: rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-new")]),
        "event of the lost": lambda: settlement(rows).settle([event_of(id_, attempt=lost_attempt)]),
        "event of the new": lambda: settlement(rows).settle([event_of(id_, "m-new")]),
    }

    for name in (*order, *order):
        steps[name]()

    named = rows.delivery(id_)["provider_message_id"]
    assert rows.status(id_) is Status.SENT
    assert sorted([*duplicates(rows), named]) == ["m-lost", "m-new"]


def test_three_acceptances_are_two_duplicates(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = begun(rows, id_)
    settlement(rows).settle([event_of(id_, "m-1"), event_of(id_, "m-2", attempt=2)])
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-3")])
    assert sorted([*duplicates(rows), rows.delivery(id_)["provider_message_id"]]) == ["m-1", "m-2", "m-3"]


def test_an_answer_whose_begin_was_lost_prevents_a_second_message(rows: Rows) -> None:
    (id_,) = rows.pending()

    changed = rows.attempts().finish(uuid.uuid4(), [Change(id_, Status.SENT, message_id="m-1")])

    assert changed == {id_}
    assert (rows.status(id_), rows.delivery(id_)["provider_message_id"]) == (Status.SENT, "m-1")


def test_an_answer_after_an_event_of_the_lost_attempt_is_a_duplicate(rows: Rows) -> None:
    """The event of the lost attempt arrives during the new one, which has the same number, and makes it `sent`."""
    (id_,) = rows.pending()
    token = begun(rows, id_)
    settlement(rows).settle([event_of(id_)])

    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-new")])
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-new")])  # the answer to the commit was lost

    assert duplicates(rows) == ["m-new"]


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.CANCELLED])
def test_a_late_acceptance_counts_after_a_decision(rows: Rows, status: Status) -> None:
    """A resend was decided and not begun, or the delivery was given up; then the first answer arrives."""
    (id_,) = rows.pending()
    token = begun(rows, id_, 0)
    end_leases(rows.engine, unknown_after=0.0)
    action = OverdueAction.DROP if status is Status.FAILED else OverdueAction.RESEND
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(action, "for the test"))
    if status is Status.CANCELLED:
        list(Operations(rows.engine, actor="eva").cancel(Selection(ids=[id_]), "for the test"))
    assert rows.status(id_) is status

    assert rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-1")]) == {id_}

    assert (rows.status(id_), rows.delivery(id_)["provider_message_id"]) == (Status.SENT, "m-1")
    assert rows.all("SELECT * FROM due") == []
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 60).begun == []
    assert rows.one("SELECT status_from, reason FROM delivery_events WHERE status_to = 'sent'") == {
        "status_from": status,
        "reason": "the provider's answer came late: it had accepted",
    }


@pytest.mark.parametrize("outcome", [Status.SENT, Status.PENDING, Status.UNKNOWN])
def test_a_late_acceptance_during_the_next_attempt_is_stored(rows: Rows, outcome: Status) -> None:
    (id_,) = rows.pending()
    first = begun(rows, id_, 0)
    end_leases(rows.engine, unknown_after=0.0)
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(OverdueAction.RESEND, "for the test"))
    second = begun(rows, id_)

    rows.attempts().finish(first, [Change(id_, Status.SENT, message_id="m-1")])
    assert rows.status(id_) is Status.SENDING

    message_id = "m-2" if outcome is Status.SENT else None
    rows.attempts().finish(second, [Change(id_, outcome, delay=1.0, message_id=message_id)])
    assert (rows.status(id_), rows.delivery(id_)["provider_message_id"]) == (Status.SENT, "m-1")
    assert duplicates(rows) == (["m-2"] if message_id else [])


def test_a_late_refusal_after_a_decision_changes_nothing(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = begun(rows, id_, 0)
    end_leases(rows.engine, unknown_after=0.0)
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(OverdueAction.RESEND, "for the test"))
    before = rows.delivery(id_)
    assert rows.attempts().finish(token, [Change(id_, Status.FAILED, reason="refused")]) == set()
    assert rows.delivery(id_) == before


def test_an_event_of_a_lost_notification_is_settled_once_it_is_recorded_again(rows: Rows) -> None:
    at = int(time.time() * 1000)
    page = rows.page([7], at=at)
    id_ = page.notifications[0].id
    bounce = event_of(
        id_, kind=FeedbackKind.BOUNCE, permanent=True, detail="no such mailbox", recipient="Ana@Example.com"
    )
    assert settlement(rows).settle([event_of(id_), bounce]).unmatched == 2
    match_waiting(rows)

    rows.record(page)

    # The event is not matched yet, and has not suppressed this address.
    assert rows.attempts().begin(uuid.uuid4(), [Recipient(id_, "bo@example.com")], 60).begun == []
    match_waiting(rows)
    assert (rows.status(id_), rows.delivery(id_)["reason"]) == (Status.BOUNCED, "no such mailbox")
    assert rows.all("SELECT * FROM unmatched_feedback") == []
    assert rows.one("SELECT address, reason FROM suppressions") == {"address": TO, "reason": "hard_bounce"}
    assert settlement(rows).settle([event_of(id_)]).repeated == 1
    assert Report(rows.engine).audit()[1] == []


def test_an_event_that_waited_is_of_the_channel_that_sent_it(rows: Rows) -> None:
    """Its route begins with another channel, on which the delivery is when it is recorded again."""
    page = rows.page([7], at=int(time.time() * 1000))
    page = replace(page, notifications=[replace(each, channel="push") for each in page.notifications])
    id_ = page.notifications[0].id
    bounce = event_of(id_, kind=FeedbackKind.BOUNCE, permanent=True, recipient=TO)
    assert settlement(rows).settle([event_of(id_), bounce]).unmatched == 2
    rows.record(page)
    match_waiting(rows)
    assert rows.status(id_) is Status.BOUNCED
    assert rows.one("SELECT channel, address FROM suppressions") == {"channel": "email", "address": TO}
    assert rows.one("SELECT channel, hard_bounces FROM feedback_hours") == {"channel": "email", "hard_bounces": 1}


def test_a_second_message_that_was_sent_before_the_event_was_found_is_counted(rows: Rows) -> None:
    """The event arrived before the notification was recorded again, and was found after the attempt had begun."""
    at = int(time.time() * 1000)
    page = rows.page([7], at=at)
    id_ = page.notifications[0].id
    rows.record(page)
    token = begun(rows, id_)
    rows.run(
        "INSERT INTO unmatched_feedback (message_id, kind, occurred_at, notification_id, reason, look_at, attempt, "
        "sent_at) VALUES ('m-lost', 'send', now(), :id, 'for the test', now(), 1, now())",
        id=id_,
    )
    rows.attempts().finish(token, [Change(id_, Status.SENT, message_id="m-new")])

    match_waiting(rows)

    assert duplicates(rows) == ["m-lost"]


def test_an_event_whose_notification_never_arrives_is_looked_at_later_each_time(rows: Rows) -> None:
    unmatched = event_of(rows.notification(7).id, kind=FeedbackKind.COMPLAINT, recipient=TO)
    settlement(rows).settle([unmatched])
    settlement(rows).match_again()
    settlement(rows).match_again()
    assert rows.one("SELECT look_at > now() AS later FROM unmatched_feedback")["later"]

    rows.run("UPDATE unmatched_feedback SET received_at = now() - interval '3 days'")
    match_waiting(rows)

    assert rows.one("SELECT look_at, recipient FROM unmatched_feedback") == {"look_at": None, "recipient": None}


def test_recipients_of_foreign_messages_are_not_stored(rows: Rows) -> None:
    foreign = [
        Feedback(FeedbackKind.BOUNCE, "m-1", NOW, NOW, None, None, TO, permanent=True),
        Feedback(FeedbackKind.COMPLAINT, "m-2", NOW, NOW, None, 1, TO),
        Feedback(FeedbackKind.BOUNCE, "m-3", NOW, NOW, uuid.uuid4(), None, TO, permanent=True),
        Feedback(FeedbackKind.SEND, "m-4", NOW, NOW, uuid.uuid4(), 1, TO),
    ]
    assert settlement(rows).settle(foreign).unmatched == 4
    assert rows.all("SELECT recipient FROM unmatched_feedback WHERE recipient IS NOT NULL") == []


def test_a_late_bounce_suppresses_the_recipient_of_its_own_attempt(rows: Rows) -> None:
    (id_,) = rows.pending()
    begun(rows, id_, 0, to="old@example.com")
    end_leases(rows.engine, unknown_after=0.0)
    Unknowns(rows.engine, 0.0).settle(lambda _: Decision(OverdueAction.RESEND, "for the test"))
    second = begun(rows, id_, to="new@example.com")
    rows.attempts().finish(second, [Change(id_, Status.SENT, message_id="m-2")])

    bounce = event_of(id_, "m-1", kind=FeedbackKind.BOUNCE, permanent=True, recipient="Old <OLD@example.com>")
    settlement(rows).settle([bounce])

    assert [row["address"] for row in rows.all("SELECT address FROM suppressions")] == ["old@example.com"]


@pytest.mark.parametrize(
    ("message_id", "attempt", "suppressed"), [("m-2", 2, True), ("m-1", 1, False), ("m-1", 2, False)]
)
def test_an_event_without_a_recipient_suppresses_only_for_the_message_in_the_row(
    rows: Rows, message_id: str, attempt: int, suppressed: bool
) -> None:
    (id_,) = rows.pending()
    rows.attempts().finish(begun(rows, id_), [Change(id_, Status.PENDING, delay=0.0, reason="busy")])
    rows.attempts().finish(begun(rows, id_), [Change(id_, Status.SENT, message_id="m-2")])

    settlement(rows).settle([event_of(id_, message_id, attempt, kind=FeedbackKind.COMPLAINT)])

    assert [row["address"] for row in rows.all("SELECT address FROM suppressions")] == ([TO] if suppressed else [])


def test_a_repeated_begin_that_begins_more_claims_all_of_it(rows: Rows) -> None:
    first, second = sorted(rows.pending(2))
    rows.run("UPDATE deliveries SET next_attempt_at = now() + interval '1 h' WHERE notification_id = :id", id=second)
    token, recipients = uuid.uuid4(), [Recipient(id_, TO) for id_ in (first, second)]
    assert [each.id for each in rows.attempts().begin(token, recipients, 60).begun] == [first]
    rows.run("UPDATE claims SET lease_until = now()")
    rows.run("UPDATE deliveries SET next_attempt_at = NULL")

    assert len(rows.attempts().begin(token, recipients, 60).begun) == 2

    claim = rows.one("SELECT notification_ids, lease_until > now() + interval '59 s' AS fresh FROM claims")
    assert (sorted(claim["notification_ids"]), claim["fresh"]) == ([first, second], True)
    assert Report(rows.engine).audit()[1] == []
