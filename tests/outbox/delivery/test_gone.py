"""A recipient that does not exist any more is suppressed in the statement that ends the attempt."""

import uuid

from notifier.notifications import Status
from notifier.outbox import Change, Recipient
from notifier.outcomes import Rejected
from notifier.retry import RetryPolicy
from tests.outbox.rows import Rows
from workers.decide import after_send

TO = "registration-token:0123456789"


def test_a_dead_token_is_suppressed_and_the_next_push_to_it_does_not_leave(rows: Rows) -> None:
    first, other, following = rows.pending(3)
    attempts, token = rows.attempts(), uuid.uuid4()
    attempts.begin(token, [Recipient(first, TO), Recipient(other, "another-token")], 60)
    changed = attempts.finish(
        token,
        [
            Change(first, Status.FAILED, failed=True, reason="gone", gone=True),
            Change(other, Status.SENT, message_id="m-2"),
        ],
    )
    assert changed == {first, other}
    assert (rows.status(first), rows.status(other)) == (Status.FAILED, Status.SENT)
    assert rows.all("SELECT channel, address, topic, reason FROM suppressions") == [
        {"channel": "email", "address": TO, "topic": "", "reason": "hard_bounce"}
    ]
    result = rows.attempts().begin(uuid.uuid4(), [Recipient(following, TO)], 60)
    assert (result.begun, result.suppressed) == ([], [following])


def test_an_attempt_of_another_worker_suppresses_no_recipient(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 60)
    assert rows.attempts().finish(uuid.uuid4(), [Change(id_, Status.FAILED, failed=True, gone=True)]) == set()
    assert rows.all("SELECT * FROM suppressions") == []


def test_a_push_that_an_event_proved_accepted_suppresses_no_recipient(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    rows.run("UPDATE deliveries SET provider_message_id = 'm-1'")
    rows.attempts().finish(token, [Change(id_, Status.FAILED, failed=True, gone=True)])
    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM suppressions") == []


def test_only_a_rejection_of_a_recipient_that_is_gone_asks_for_it() -> None:
    from notifier.outbox import DueNotification

    due = DueNotification(uuid.uuid4(), "a_route", "activity", b"", 0)
    assert after_send(due, Rejected("gone", gone=True), RetryPolicy()).gone
    assert not after_send(due, Rejected("no"), RetryPolicy()).gone


def test_an_address_too_long_for_the_index_does_not_keep_the_others_from_ending(rows: Rows) -> None:
    gone, other = rows.pending(2)
    attempts, token = rows.attempts(), uuid.uuid4()
    endless = "https://push.example/" + "".join(uuid.uuid4().hex for _ in range(200))
    attempts.begin(token, [Recipient(gone, endless), Recipient(other, TO)], 60)
    changes = [Change(gone, Status.FAILED, failed=True, gone=True), Change(other, Status.SENT, message_id="m-2")]

    assert attempts.finish(token, changes) == {gone, other}

    assert (rows.status(gone), rows.status(other)) == (Status.FAILED, Status.SENT)
    assert rows.all("SELECT * FROM suppressions") == []
