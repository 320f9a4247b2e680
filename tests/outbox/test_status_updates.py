"""Status updates: every statement that changes a status writes them, and they go once their destination accepted."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from notifier.feedback import FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    Change,
    FailedUpdate,
    OverdueAction,
    Recipient,
    Retention,
    RewindPage,
    RewindRequests,
    Rewinds,
    RewindTarget,
    StatusUpdates,
    Suppressions,
)
from notifier.outbox.history.partitions import Partitions
from notifier.status_updates import UPDATES, wanted_of
from tests.outbox.delivery.test_transitions import OPERATIONS, event, policy, steps_of
from tests.outbox.history.history import KEEP, OLD, recorded, settled
from tests.outbox.rows import Rows
from tests.outbox.test_lock_order import start

ALL = wanted_of(["all"])
SILENT = {Status.PENDING, Status.SENDING, Status.SHADOWED, Status.MERGED}
QUEUE, HOOK = "arn:aws:sqs:eu-west-1:000000000000:updates", "https://product.example/updates"


def want(rows: Rows, id_: UUID, wanted: int = ALL) -> None:
    rows.run("UPDATE deliveries SET wanted_updates = :w WHERE notification_id = :id", id=id_, w=wanted)


def written(rows: Rows, id_: UUID) -> list[dict[str, Any]]:
    return rows.all("SELECT * FROM status_updates WHERE notification_id = :id ORDER BY number", id=id_)


def written_statuses(rows: Rows, id_: UUID) -> list[str]:
    found = written(rows, id_)
    assert [each["number"] for each in found] == list(range(1, len(found) + 1))
    return [each["status"] for each in found]


def sent(rows: Rows, count: int = 1, wanted: int = ALL) -> list[UUID]:
    """Deliveries that became sent, with an update each."""
    ids = rows.pending(count)
    for each in ids:
        want(rows, each, wanted)
    finish(rows.attempts(), ids)
    return ids


def finish(attempts: Attempts, ids: list[UUID], to: Status = Status.SENT) -> None:
    token = attempts.token()
    attempts.begin(token, [Recipient(id_, "ana@example.com") for id_ in ids], 60.0)
    attempts.finish(token, [Change(id_, to, reason="for the test") for id_ in ids])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_change_of_status_writes_an_update_only_where_one_is_wanted(rows: Rows, operation: str) -> None:
    """Of each operation, from each status: exactly the steps that it makes, numbered without a gap."""
    tested = OPERATIONS[operation]
    for source in Status:
        token = uuid.uuid4()
        id_ = rows.in_status(source, token=token)
        want(rows, id_)

        tested.run(rows, id_, token)

        steps = steps_of(operation, source, tested.target) if source in tested.sources else set()
        told = sorted((to for _, to in steps if to not in SILENT), key=lambda to: to is not Status.SENT)
        assert written_statuses(rows, id_) == told, source
        assert rows.delivery(id_)["updates"] == (len(told) or None)

        unwanted = rows.in_status(source, token=token)
        tested.run(rows, unwanted, token)
        assert (rows.delivery(unwanted)["updates"], written(rows, unwanted)) == (None, [])


def test_only_the_wanted_statuses_are_told(rows: Rows) -> None:
    (id_,) = sent(rows, wanted=wanted_of(["bounced", "complained"]))
    event(FeedbackKind.DELIVERY)(rows, id_, uuid.uuid4())
    event(FeedbackKind.BOUNCE)(rows, id_, uuid.uuid4())
    assert written_statuses(rows, id_) == ["bounced"]


def test_an_outcome_that_is_held_for_an_operator_is_told(rows: Rows) -> None:
    id_ = rows.in_status(Status.UNKNOWN)
    want(rows, id_)
    other = rows.in_status(Status.UNKNOWN)
    policy(OverdueAction.HOLD)(rows, id_, uuid.uuid4())
    policy(OverdueAction.HOLD)(rows, other, uuid.uuid4())
    assert written_statuses(rows, id_) == ["held"]
    assert written_statuses(rows, other) == []


def test_a_result_that_came_during_a_later_attempt_is_told(rows: Rows) -> None:
    id_ = rows.in_status(Status.PENDING)
    want(rows, id_)
    attempts = rows.attempts()
    token = attempts.token()
    attempts.begin(token, [Recipient(id_, "ana@example.com")], 60.0)
    rows.run("UPDATE deliveries SET attempt = 2 WHERE notification_id = :id", id=id_)
    event(FeedbackKind.BOUNCE)(rows, id_, token)  # of attempt 1
    assert rows.status(id_) == Status.SENDING
    attempts.finish(token, [Change(id_, Status.FAILED, reason="refused")])
    assert written_statuses(rows, id_) == ["sent", "bounced"]


def test_the_bits_in_the_statements_are_those_of_the_program(rows: Rows) -> None:
    for name in UPDATES:
        id_ = rows.in_status(Status.SENDING)
        want(rows, id_, wanted_of([name]))
        rows.run("UPDATE deliveries SET status = 'pending' WHERE notification_id = :id", id=id_)
        status = Status.UNKNOWN if name == "held" else Status(name)
        rows.run("UPDATE deliveries SET status = 'sending' WHERE notification_id = :id", id=id_)
        token = rows.delivery(id_)["token"]
        rows.attempts().finish(token, [Change(id_, status)])
        assert written_statuses(rows, id_) == ([] if name == "held" else [name])


def test_the_wish_of_a_route_is_recorded_with_the_delivery(rows: Rows) -> None:
    page = rows.page([1, 2])
    page = replace(page, notifications=[replace(page.notifications[0], wanted_updates=5), page.notifications[1]])
    rows.record(page)
    assert [rows.delivery(each.id)["wanted_updates"] for each in page.notifications] == [5, None]

    rows.run("UPDATE shards SET checkpoint = NULL")
    rows.checkpoint = None
    more = replace(rows.page([3]).notifications[0], wanted_updates=7)
    rows.record(replace(page, checkpoint="3", notifications=[*page.notifications, more]))  # read again, with one more
    assert rows.delivery(more.id)["wanted_updates"] == 7


def test_a_record_that_is_rewound_has_the_wish_of_its_route(rows: Rows) -> None:
    rows.record(rows.page([1], unrouted=1))
    RewindRequests(rows.engine, actor="eva").ask(RewindTarget("activity"), "for the test")
    rewinds = Rewinds(rows.engine, Partitions(rows.engine), "bridge-1", 60.0)
    rewind = rewinds.take(["activity"])
    assert rewind is not None
    made = [replace(rows.notification(2), wanted_updates=3), rows.notification(3)]
    rewinds.correct(rewind, RewindPage("1", 2, made, []), "done")
    assert [rows.delivery(each.id)["wanted_updates"] for each in made] == [3, None]


def test_updates_go_to_every_destination_and_are_counted(rows: Rows) -> None:
    ids = sent(rows, 3)
    updates = StatusUpdates(rows.engine)
    assert [(each.destination, each.waiting) for each in updates.backlog()] == [("", 3)]
    assert updates.assign([QUEUE, HOOK]) is False

    claimed = updates.claim(QUEUE, 10, 60.0)
    assert {each.update.notification_id for each in claimed} == set(ids)
    update = claimed[0].update
    assert (update.table, update.route, update.channel, update.status) == ("activity", "a_route", "email", "sent")
    assert updates.claim(QUEUE, 10, 60.0) == []  # claimed
    assert updates.accepted(QUEUE, [each.update for each in claimed[:2]]) == 2
    assert updates.accepted(QUEUE, [each.update for each in claimed[:2]]) == 0  # a second answer counts nothing

    found = {each.destination: each for each in updates.backlog()}
    assert (found[QUEUE].waiting, found[QUEUE].accepted, found[HOOK].waiting) == (1, 2, 3)


def test_the_next_update_of_a_notification_waits_for_the_one_before(rows: Rows) -> None:
    (id_,) = sent(rows)
    event(FeedbackKind.DELIVERY)(rows, id_, uuid.uuid4())
    updates = StatusUpdates(rows.engine)
    updates.assign([QUEUE])
    (first,) = updates.claim(QUEUE, 10, -1.0)  # its claim has ended already
    assert first.update.status == "sent"
    (again,) = updates.claim(QUEUE, 10, 60.0)
    assert again.update == first.update  # another process takes it over, with the same id
    updates.failed(QUEUE, [FailedUpdate(first.update, "refused", 0.0)])
    (third,) = updates.claim(QUEUE, 10, 60.0)
    assert (third.update.id, third.failures) == (first.update.id, 1)
    updates.accepted(QUEUE, [third.update])
    (second,) = updates.claim(QUEUE, 10, 60.0)
    assert (second.update.status, second.update.number) == ("delivered", 2)


def test_an_update_without_a_destination_is_not_overtaken(rows: Rows) -> None:
    (id_,) = sent(rows)
    updates = StatusUpdates(rows.engine)
    updates.assign([QUEUE])
    rows.run("UPDATE status_updates SET destination = ''")
    event(FeedbackKind.DELIVERY)(rows, id_, uuid.uuid4())
    rows.run("UPDATE status_updates SET destination = :to WHERE number = 2", to=QUEUE)
    assert updates.claim(QUEUE, 10, 60.0) == []


def test_processes_that_claim_at_once_never_get_the_same_update(rows: Rows) -> None:
    ids = sent(rows, 60)
    updates = StatusUpdates(rows.engine)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: updates.assign([QUEUE]), range(4)))
        found = threads.map(lambda _: updates.claim(QUEUE, 7, 60.0), range(16))
        claimed = [each.update.notification_id for some in found for each in some]
    claimed += [each.update.notification_id for each in updates.claim(QUEUE, 100, 60.0)]
    assert sorted(claimed) == sorted(ids)


def test_an_update_that_fails_holds_up_no_other_notification(rows: Rows) -> None:
    bad, good = sent(rows, 2)
    updates = StatusUpdates(rows.engine)
    updates.assign([QUEUE])
    claimed = {each.update.notification_id: each.update for each in updates.claim(QUEUE, 10, 60.0)}
    updates.accepted(QUEUE, [claimed[good]])
    updates.failed(QUEUE, [FailedUpdate(claimed[bad], "too odd", 300.0)])
    updates.note_failure(QUEUE, "too odd")
    (more,) = sent(rows)
    updates.assign([QUEUE])
    (found,) = updates.claim(QUEUE, 10, 60.0)
    assert found.update.notification_id == more
    (backlog,) = updates.backlog()
    assert (backlog.waiting, backlog.failing, backlog.error) == (2, 1, "too odd")
    updates.accepted(QUEUE, [found.update])
    assert updates.backlog()[0].error is None


def test_recipients_are_read_only_where_personal_data_is_asked_for(rows: Rows) -> None:
    sent(rows)
    StatusUpdates(rows.engine).assign([QUEUE])
    assert StatusUpdates(rows.engine).claim(QUEUE, 1, -1.0)[0].update.recipient is None
    assert StatusUpdates(rows.engine, personal=True).claim(QUEUE, 1, -1.0)[0].update.recipient == "ana@example.com"


def test_a_suppressed_recipient_is_told_by_the_statement_that_begins(rows: Rows) -> None:
    (id_,) = rows.pending()
    want(rows, id_)
    Suppressions(rows.engine, actor="test").add("email", "ana@example.com", reason="manual")
    attempts = rows.attempts()
    attempts.begin(attempts.token(), [Recipient(id_, "ana@example.com")], 60.0)
    (update,) = written(rows, id_)
    assert (update["status"], update["reason"], update["attempt"]) == ("suppressed", "manual", 0)


def test_a_day_stays_while_an_update_of_it_waits_and_retention_drops_and_counts_old_ones(
    rows: Rows, retention: Retention
) -> None:
    recorded(rows, OLD, 2)
    (id_, *_) = [row["notification_id"] for row in rows.all("SELECT notification_id FROM deliveries ORDER BY 1")]
    rows.run(
        "INSERT INTO status_updates (notification_id, number, destination, status, attempt) "
        "VALUES (:id, 1, :to, 'sent', 1)",
        id=id_,
        to=QUEUE,
    )
    rows.run("INSERT INTO status_destinations (destination, assigned) VALUES (:to, 1)", to=QUEUE)
    settled(retention)
    assert [each.reason for each in retention.old_days()] == ["status updates"]

    rows.run(f"UPDATE status_updates SET at = now() - interval '{KEEP + 1} days'")
    settled(retention)
    assert retention.old_days() == []
    (backlog,) = StatusUpdates(rows.engine).backlog()
    assert (backlog.waiting, backlog.accepted, backlog.dropped) == (0, 0, 1)


def test_dropped_ones_that_no_sender_ever_took_are_counted_too(rows: Rows, retention: Retention) -> None:
    """Where no sender runs at all, only this shows them."""
    sent(rows)
    backlog = StatusUpdates(rows.engine).backlog
    assert [(each.destination, each.waiting, each.dropped) for each in backlog()] == [("", 1, 0)]
    rows.run(f"UPDATE status_updates SET at = now() - interval '{KEEP + 1} days'")
    settled(retention)
    assert [(each.destination, each.waiting, each.dropped) for each in backlog()] == [("", 0, 1)]


def test_retention_and_senders_count_destinations_in_one_order(rows: Rows) -> None:
    """Otherwise each could wait for the other. A transaction that waits for the first of them holds no other one."""
    names = [f"https://{n}.example/" for n in range(6)]
    for name in names:
        rows.run("INSERT INTO status_destinations (destination) VALUES (:to)", to=name)
        rows.run(
            "INSERT INTO status_updates (notification_id, number, destination, status, attempt, at) "
            "VALUES (gen_random_uuid(), 1, :to, 'sent', 1, now() - interval '99 days')",
            to=name,
        )
    with ThreadPoolExecutor(1) as threads, rows.engine.connect() as holder, rows.engine.connect() as other:
        holder.execute(text("SELECT FROM status_destinations WHERE destination = :to FOR UPDATE"), {"to": names[0]})
        rows.run("ALTER FUNCTION forget_rows(text, int, int) SET lock_timeout = '30s'")
        forgetting = start(rows, threads, lambda: rows.one("SELECT forget_rows('status_updates', 30, 99) AS n"))
        free = other.execute(
            text("SELECT count(*) FROM (SELECT FROM status_destinations FOR UPDATE SKIP LOCKED) AS f")
        )
        assert free.scalar_one() == len(names) - 1
        other.rollback()
        holder.rollback()
        assert forgetting.result() == {"n": len(names)}
