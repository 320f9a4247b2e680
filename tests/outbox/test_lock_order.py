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
from notifier.outbox import (
    Change,
    Decision,
    OverdueAction,
    OverdueAttempt,
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
