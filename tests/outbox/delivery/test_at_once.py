"""Two statements on the same delivery at the same time have the result of running one after the other.

The model (tests/model) takes each statement of the outbox as one atomic step; here that is tested with Postgres. A
third transaction locks the row until both statements wait for it.
"""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import combinations_with_replacement
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from notifier.database.errors import DatabaseError, is_away
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Attempts,
    Change,
    Decision,
    Operations,
    OverdueAction,
    Recipient,
    Selection,
    Settlement,
    Unknowns,
    end_leases,
)
from tests.outbox.rows import Rows
from tests.waiting import wait_until

Step = Callable[[Rows, UUID], Any]
Result = dict[str, Any]

NOW = datetime.now(UTC)


def attempts(rows: Rows) -> Attempts:
    return Attempts(rows.engine, channel="email", worker="w", unknown_after=0)


def token(id_: UUID, attempt: int) -> UUID:
    return uuid.uuid5(id_, str(attempt))


def begin(attempt: int) -> Step:
    return lambda rows, id_: attempts(rows).begin(token(id_, attempt), [Recipient(id_, "ana@example.com")], -1)


def finish(attempt: int, to: Status) -> Step:
    """The answer to that attempt. The message id has its number."""

    def write(rows: Rows, id_: UUID) -> None:
        message_id = f"m-{attempt}" if to is Status.SENT else None
        delay = 0.0 if to is Status.PENDING else None
        attempts(rows).finish(token(id_, attempt), [Change(id_, to, message_id=message_id, delay=delay)])

    return write


def skip(rows: Rows, id_: UUID) -> None:
    attempts(rows).decide([Change(id_, Status.SKIPPED)])


def end_of_lease(rows: Rows, id_: UUID) -> None:
    end_leases(rows.engine, unknown_after=0)


def event(attempt: int, kind: FeedbackKind) -> Step:
    def settle(rows: Rows, id_: UUID) -> None:
        found = Feedback(kind, f"m-{attempt}", NOW, NOW, notification_id=id_, attempt=attempt)
        Settlement(rows.engine, channel="email").settle([found])

    return settle


def deadline(action: OverdueAction) -> Step:
    return lambda rows, id_: Unknowns(rows.engine, 0).settle(lambda _: Decision(action, "at its deadline"))


def resolve(to: Status) -> Step:
    return lambda rows, id_: Operations(rows.engine, actor="eva").resolve(id_, to, "for the test")


def cancel(rows: Rows, id_: UUID) -> None:
    list(Operations(rows.engine, actor="eva").cancel(Selection(ids=[id_]), "for the test"))


def redrive(rows: Rows, id_: UUID) -> None:
    operations = Operations(rows.engine, actor="eva")
    list(operations.redrive(Selection(ids=[id_]), "for the test", per_second=1_000, maybe_sent=True))


STEPS: dict[str, Step] = {
    "begin 3": begin(3),
    "finish 1 sent": finish(1, Status.SENT),
    "finish 1 pending": finish(1, Status.PENDING),
    "finish 1 unknown": finish(1, Status.UNKNOWN),
    "finish 2 sent": finish(2, Status.SENT),
    "finish 2 failed": finish(2, Status.FAILED),
    "skip": skip,
    "end of lease": end_of_lease,
    "event 1 send": event(1, FeedbackKind.SEND),
    "event 1 bounce": event(1, FeedbackKind.BOUNCE),
    "event 2 send": event(2, FeedbackKind.SEND),
    "deadline resend": deadline(OverdueAction.RESEND),
    "deadline hold": deadline(OverdueAction.HOLD),
    "resolve failed": resolve(Status.FAILED),
    "resolve sent": resolve(Status.SENT),
    "cancel": cancel,
    "redrive": redrive,
}

SITUATIONS: dict[str, list[Step]] = {
    "pending": [],
    "sending": [begin(1)],
    "unknown": [begin(1), end_of_lease],
    "pending again": [begin(1), end_of_lease, deadline(OverdueAction.RESEND)],
    "sending again": [begin(1), end_of_lease, deadline(OverdueAction.RESEND), begin(2)],
    "given up": [begin(1), end_of_lease, deadline(OverdueAction.DROP)],
}


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.mark.parametrize("situation", SITUATIONS)
def test_two_concurrent_steps_have_the_result_of_one_order_of_them(
    rows: Rows, situation: str, threads: ThreadPoolExecutor
) -> None:
    untouched = result_of(rows, situation, lambda _: None)
    effective = [name for name in STEPS if result_of(rows, situation, in_order(rows, name)) != untouched]
    assert len(effective) > 2
    for one, other in combinations_with_replacement(effective, 2):
        allowed = [result_of(rows, situation, in_order(rows, *names)) for names in ((one, other), (other, one))]
        for names in ((one, other), (other, one)):
            assert result_of(rows, situation, at_once(rows, threads, *names)) in allowed, names


def result_of(rows: Rows, situation: str, act: Callable[[UUID], None]) -> Result:
    (id_,) = rows.pending()
    for step in SITUATIONS[situation]:
        step(rows, id_)
    act(id_)
    found = result(rows, id_)
    rows.run("DELETE FROM claims")
    rows.run("DELETE FROM due")
    return found


def in_order(rows: Rows, *names: str) -> Callable[[UUID], None]:
    def act(id_: UUID) -> None:
        for name in names:
            STEPS[name](rows, id_)

    return act


def at_once(rows: Rows, threads: ThreadPoolExecutor, *names: str) -> Callable[[UUID], None]:
    """Start both steps in this order, while another transaction has locked the row."""

    def act(id_: UUID) -> None:
        started: list[Future[None]] = []
        with rows.engine.begin() as holder:
            holder.execute(text("SELECT FROM deliveries WHERE notification_id = :id FOR UPDATE"), {"id": id_})
            for name in names:
                started.append(threads.submit(with_retries, STEPS[name], rows, id_))
                wait_until(lambda: waiting(rows.engine) + sum(each.done() for each in started) == len(started))
        for each in started:
            each.result()

    return act


def with_retries(step: Step, rows: Rows, id_: UUID) -> None:
    """Repeat the step if Postgres ended it because of a deadlock, as the callers do."""
    for _ in range(10):
        try:
            return step(rows, id_)
        except DatabaseError as error:
            if not is_away(error):
                raise
    raise AssertionError("ten deadlocks in a row")


def waiting(engine: Engine) -> int:
    """The number of statements that wait for a lock."""
    with engine.connect() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar_one()
        )


def result(rows: Rows, id_: UUID) -> Result:
    """Everything that a step may write about a delivery, except times."""
    delivery = rows.one(
        "SELECT status, attempt, failures, provider_message_id, next_attempt_at IS NULL AS now "
        "FROM deliveries WHERE notification_id = :id",
        id=id_,
    )
    others = {
        "due": "SELECT kind FROM due WHERE notification_id = :id",
        "claims": "SELECT count(*) AS number FROM claims WHERE :id = ANY(notification_ids)",
        "duplicates": "SELECT message_id FROM duplicates WHERE notification_id = :id ORDER BY message_id",
    }
    return {**delivery, **{name: rows.all(statement, id=id_) for name, statement in others.items()}}
