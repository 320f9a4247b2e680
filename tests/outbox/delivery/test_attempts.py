"""Attempts: load, begin, decide, finish, and the end of a lease."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from notifier.notifications import Status
from notifier.outbox import Change, Recipient, end_leases
from tests.outbox.rows import Rows

TO = "a@example.com"


def test_only_one_of_several_workers_begins_an_attempt(rows: Rows) -> None:
    ids = rows.pending(50)
    recipients = [Recipient(id_, TO) for id_ in ids]

    with ThreadPoolExecutor(8) as threads:
        workers = [rows.attempts(f"worker-{number}") for number in range(8)]
        answers = list(threads.map(lambda worker: worker.begin(uuid.uuid4(), recipients, 60), workers))

    begun = [each.id for answer in answers for each in answer.begun]
    assert sorted(begun) == sorted(ids)
    assert {rows.delivery(id_)["attempt"] for id_ in ids} == {1}
    claimed = [id_ for row in rows.all("SELECT notification_ids FROM claims") for id_ in row["notification_ids"]]
    assert sorted(claimed) == sorted(ids)


def test_a_repeated_begin_returns_what_it_has_begun(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = uuid.uuid4()

    first = rows.attempts().begin(token, [Recipient(id_, TO)], 60)
    again = rows.attempts().begin(token, [Recipient(id_, TO)], 60)

    assert first == again
    assert rows.delivery(id_)["attempt"] == 1
    assert len(rows.all("SELECT * FROM claims")) == 1


def test_a_sent_delivery_stores_the_message_id(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    attempts = rows.attempts()
    attempts.begin(token, [Recipient(id_, TO)], 60)

    assert attempts.finish(token, [Change(id_, Status.SENT, message_id="m-1")]) == {id_}

    row = rows.delivery(id_)
    assert (row["status"], row["provider_message_id"], row["recipient"], row["failures"]) == ("sent", "m-1", TO, 0)
    assert row["begun_at"] <= row["ended_at"]
    assert rows.all("SELECT * FROM claims") == []
    assert rows.all("SELECT * FROM due") == []


def test_a_retry_is_not_loaded_or_begun_before_it_is_due(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    attempts = rows.attempts()
    attempts.begin(token, [Recipient(id_, TO)], 60)
    attempts.finish(token, [Change(id_, Status.PENDING, failed=True, delay=3600, reason="busy")])

    assert attempts.load([id_]) == []  # not due
    assert attempts.begin(uuid.uuid4(), [Recipient(id_, TO)], 60).begun == []
    waiting = rows.one("SELECT kind, channel, due_at > now() + interval '59 min' AS late FROM due")
    assert waiting == {"kind": "retry", "channel": "email", "late": True}

    rows.run("UPDATE deliveries SET next_attempt_at = now()")
    (due,) = attempts.load([id_])
    assert due.failures == 1
    assert [each.attempt for each in attempts.begin(uuid.uuid4(), [Recipient(id_, TO)], 60).begun] == [2]


def test_an_ended_lease_makes_the_outcome_unknown(rows: Rows) -> None:
    live, dead = rows.pending(2)
    rows.attempts("live").begin(uuid.uuid4(), [Recipient(live, TO)], 60)
    rows.attempts("dead").begin(uuid.uuid4(), [Recipient(dead, TO)], 0)

    assert end_leases(rows.engine) == [dead]

    assert (rows.status(live), rows.status(dead)) == (Status.SENDING, Status.UNKNOWN)
    assert rows.one("SELECT notification_id, kind FROM due") == {"notification_id": dead, "kind": "unknown"}
    event = rows.one("SELECT * FROM delivery_events")
    assert (event["status_from"], event["status_to"], event["detail"]) == ("sending", "unknown", "worker dead")


def test_a_late_answer_of_the_same_attempt_settles_the_unknown_outcome(rows: Rows) -> None:
    (id_,) = rows.pending()
    token = uuid.uuid4()
    attempts = rows.attempts()
    attempts.begin(token, [Recipient(id_, TO)], 0)
    end_leases(rows.engine)

    assert attempts.finish(token, [Change(id_, Status.SENT, message_id="m-1")]) == {id_}
    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []  # the deadline is deleted
    events = rows.all("SELECT status_from, status_to FROM delivery_events ORDER BY at")
    assert [(each["status_from"], each["status_to"]) for each in events] == [
        ("sending", "unknown"),
        ("unknown", "sent"),
    ]


def test_the_answer_of_an_older_attempt_changes_nothing(rows: Rows) -> None:
    (id_,) = rows.pending()
    old, new = uuid.uuid4(), uuid.uuid4()
    attempts = rows.attempts()
    attempts.begin(old, [Recipient(id_, TO)], 60)
    attempts.finish(old, [Change(id_, Status.PENDING, delay=0, reason="busy")])
    attempts.begin(new, [Recipient(id_, TO)], 60)

    assert attempts.finish(old, [Change(id_, Status.FAILED, reason="too late")]) == set()
    assert rows.status(id_) is Status.SENDING
    assert attempts.finish(new, [Change(id_, Status.SENT)]) == {id_}


def test_text_that_postgres_cannot_store_is_replaced(rows: Rows) -> None:
    (id_,) = rows.pending()
    rows.attempts().decide([Change(id_, Status.FAILED, reason="a\0b", detail="half a surrogate pair: \ud800")])
    assert rows.delivery(id_)["reason"] == "a\N{SYMBOL FOR NULL}b"


def test_finish_writes_different_outcomes_in_one_statement(rows: Rows) -> None:
    ids = rows.pending(500)
    token = uuid.uuid4()
    attempts = rows.attempts()
    assert len(attempts.begin(token, [Recipient(id_, TO) for id_ in ids], 60).begun) == 500
    outcomes = [Status.SENT, Status.FAILED, Status.UNKNOWN, Status.PENDING]
    changes = [Change(id_, outcomes[n % 4], delay=9.0, reason="because") for n, id_ in enumerate(ids)]

    assert attempts.finish(token, changes) == set(ids)

    counted = rows.all("SELECT status, count(*) AS n FROM deliveries GROUP BY status")
    assert {row["status"]: row["n"] for row in counted} == dict.fromkeys((str(each) for each in outcomes), 125)
    assert rows.one("SELECT count(*) AS n FROM due")["n"] == 250
    assert rows.one("SELECT count(*) AS n FROM delivery_events")["n"] == 375
