"""Statements lock deliveries first, then claims and `due` rows, so that two of them do not end in a deadlock."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import (
    Acknowledgements,
    Arrival,
    Change,
    Decision,
    Digests,
    Erasure,
    ErasureKeys,
    LimitedRecipient,
    OverdueAction,
    OverdueAttempt,
    Page,
    Quarantined,
    Recipient,
    Settlement,
    Unknowns,
    end_leases,
)
from tests.outbox.delivery.test_at_once import waiting
from tests.outbox.rows import Rows
from tests.waiting import wait_until

TO = "ana@example.com"
NOW = datetime.now(UTC)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def start(rows: Rows, threads: ThreadPoolExecutor, step: Callable[[], Any], blocked: int = 1) -> Future[Any]:
    """Start the step. Return when so many statements wait for a lock, or the step has ended."""
    future = threads.submit(step)
    wait_until(lambda: future.done() or waiting(rows.engine) >= blocked)
    return future


@pytest.mark.parametrize("action", OverdueAction)
def test_feedback_and_deadlines_do_not_deadlock(
    rows: Rows, threads: ThreadPoolExecutor, action: OverdueAction
) -> None:
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 0)
    end_leases(rows.engine, unknown_after=0.0)
    settling: list[Future[Any]] = []

    def decide(_: OverdueAttempt) -> Decision:
        """The event arrives while the rows are locked."""
        event = Feedback(FeedbackKind.SEND, "m-1", NOW, NOW, id_, 1)
        settle = Settlement(rows.engine, channel="email").settle
        settling.append(start(rows, threads, lambda: settle([event])))
        return Decision(action, "for the test")

    Unknowns(rows.engine, 1.0).settle(decide)

    assert settling[0].result().accepted == 1
    assert rows.status(id_) is Status.SENT
    assert rows.all("SELECT * FROM due") == []


def test_a_late_finish_and_the_end_of_its_lease_do_not_deadlock(rows: Rows, threads: ThreadPoolExecutor) -> None:
    ids, token = sorted(rows.pending(2)), uuid.uuid4()
    rows.attempts().begin(token, [Recipient(id_, TO) for id_ in ids], 0)
    changes = [Change(id_, Status.PENDING, delay=0.0, reason="busy") for id_ in ids]
    with rows.engine.begin() as holder:  # holds finish between its first delivery and its claim
        holder.execute(text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE"), {"id": ids[1]})
        finishing = start(rows, threads, lambda: rows.attempts().finish(token, changes))
        ending = start(rows, threads, lambda: end_leases(rows.engine), blocked=2)

    assert finishing.result() == set(ids)
    assert ending.result() == []
    assert {rows.status(id_) for id_ in ids} == {Status.PENDING}
    assert rows.all("SELECT * FROM claims") == []


def test_an_attempt_with_limits_locks_all_its_deliveries_in_their_order(
    rows: Rows, threads: ThreadPoolExecutor
) -> None:
    """An operator and feedback lock them in this order, too: the first one is of a route without a limit."""
    unlimited, limited = sorted(rows.pending(2))
    recipients = [Recipient(unlimited, TO), Recipient(limited, TO)]
    places = [LimitedRecipient(limited, "route a", TO, 1, 60.0)]
    with rows.engine.begin() as other:
        other.execute(text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE"), {"id": unlimited})
        beginning = start(rows, threads, lambda: rows.attempts().begin(uuid.uuid4(), recipients, 60, limited=places))
        other.execute(text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE NOWAIT"), {"id": limited})
    assert {each.id for each in beginning.result().begun} == {unlimited, limited}


def test_an_attempt_with_limits_locks_its_digest_before_its_deliveries(
    rows: Rows, threads: ThreadPoolExecutor
) -> None:
    """Who collects an event locks the digest first, and then its leader."""
    leader, member = sorted(rows.pending(2))
    key = uuid.uuid4()
    arrivals = [Arrival(each, key, 0.001, 100, False, None) for each in (leader, member)]
    Digests(rows.engine, channel="email").collect(arrivals)
    rows.run("UPDATE deliveries SET next_attempt_at = now() WHERE notification_id = :id", id=leader)
    places = [LimitedRecipient(leader, "route a", TO, 1, 60.0)]

    def begin() -> Any:
        given = {leader: [member]}
        return rows.attempts().begin(uuid.uuid4(), [Recipient(leader, TO)], 60, limited=places, given=given)

    with rows.engine.begin() as collecting:
        collecting.execute(text("SELECT FROM digests WHERE key = :key FOR UPDATE"), {"key": key})
        beginning = start(rows, threads, begin)
        collecting.execute(
            text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE NOWAIT"), {"id": leader}
        )
    assert [each.id for each in beginning.result().begun] == [leader]
    assert rows.status(member) is Status.MERGED


def test_an_erasure_and_an_attempt_lock_the_places_of_a_person_in_the_same_order(
    rows: Rows, threads: ThreadPoolExecutor
) -> None:
    for scope in ("route b", "route a"):  # so that a scan finds b first
        (id_,) = rows.pending()
        place = LimitedRecipient(id_, scope, TO, 1, 60.0)
        rows.attempts().begin(uuid.uuid4(), [Recipient(id_, TO)], 60, limited=[place])
    lock = "SELECT FROM limit_places WHERE scope = :scope FOR UPDATE"
    with rows.engine.begin() as attempt:
        attempt.execute(text(lock), {"scope": "route a"})
        erasure = Erasure(rows.engine, actor="eva", keys=ErasureKeys(("a key",)))
        erasing = start(rows, threads, lambda: list(erasure.run(person_of(TO), "she asked for it")))
        attempt.execute(text(f"{lock} NOWAIT"), {"scope": "route b"})
    assert erasing.result()[-1].rows["limit_places"] == 2


def test_quarantine_is_acknowledged_in_the_order_in_which_replays_lock_it(
    rows: Rows, threads: ThreadPoolExecutor
) -> None:
    spoilt = [Quarantined(str(number), b"[]", "no record") for number in (1, 2)]
    rows.record(Page("2", datetime.now(UTC), (), spoilt, 0))
    first, second = (row["id"] for row in rows.all("SELECT id FROM quarantine ORDER BY id"))
    rows.run(
        "UPDATE quarantine SET error = 'still none' WHERE id = :id", id=first
    )  # a scan finds it after the second
    rows.run("ANALYZE quarantine")  # so that Postgres scans the table, which is small
    lock = "SELECT FROM quarantine WHERE id = :id FOR UPDATE"
    with rows.engine.begin() as replay:
        replay.execute(text(lock), {"id": first})
        acknowledgements = Acknowledgements(rows.engine, actor="eva")
        acknowledged = start(rows, threads, lambda: acknowledgements.quarantine(datetime.now(UTC), "known"))
        replay.execute(text(f"{lock} NOWAIT"), {"id": second})
    assert acknowledged.result() == 2
