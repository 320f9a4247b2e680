"""Every pair of states against the real SQL: what TRANSITIONS allows happens, and nothing else does."""

import uuid
from collections.abc import Callable
from uuid import UUID

import pytest

from notifier.notifications import TRANSITIONS, Status
from notifier.outbox import Change, Wanted, expire
from tests.outbox.rows import Rows

Attempt = Callable[[Rows, UUID, uuid.UUID], None]


def begin(rows: Rows, id_: UUID, token: uuid.UUID) -> None:
    rows.attempts().begin(uuid.uuid4(), [Wanted(id_, "a@example.com")], 60)


def end_of_lease(rows: Rows, id_: UUID, token: uuid.UUID) -> None:
    rows.run(
        "INSERT INTO claims (token, channel, worker, notification_ids, lease_until) "
        "VALUES (:token, 'email', 'dead', ARRAY[CAST(:id AS uuid)], now() - interval '1 s')",
        token=token,
        id=id_,
    )
    expire(rows.engine)


def decide(to: Status) -> Attempt:
    return lambda rows, id_, _: rows.attempts().decide([change(id_, to)]) and None


def finish(to: Status) -> Attempt:
    return lambda rows, id_, token: rows.attempts().finish(token, [change(id_, to)]) and None


def change(id_: UUID, to: Status) -> Change:
    return Change(id_, to, delay=5.0 if to is Status.PENDING else None, reason="for the test")


OPERATIONS: dict[str, tuple[Attempt, Status]] = {
    "begin": (begin, Status.SENDING),
    "end of lease": (end_of_lease, Status.UNKNOWN),
    **{
        f"decide {to}": (decide(to), to)
        for to in (Status.SKIPPED, Status.PENDING, Status.FAILED)
    },
    **{
        f"finish {to}": (finish(to), to)
        for to in (Status.SENT, Status.PENDING, Status.FAILED, Status.UNKNOWN)
    },
}  # fmt: skip


@pytest.mark.parametrize("source", Status)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_the_transitions_of_the_table_happen(rows: Rows, source: Status, operation: str) -> None:
    attempt, target = OPERATIONS[operation]
    token = uuid.uuid4()
    id_ = rows.in_status(source, token=token)
    before = rows.delivery(id_)

    attempt(rows, id_, token)

    after = rows.delivery(id_)
    if (source, target) in TRANSITIONS and moves(operation, source):
        assert after["status"] == target
    else:
        assert after == before


def moves(operation: str, source: Status) -> bool:
    """Whether the operation is the one that TRANSITIONS means for this source."""
    if operation.startswith("finish"):
        return source in (Status.SENDING, Status.UNKNOWN)
    return source is (Status.SENDING if operation == "end of lease" else Status.PENDING)


def test_each_transition_of_an_attempt_has_its_operation() -> None:
    covered = {
        (source, target)
        for name, (_, target) in OPERATIONS.items()
        for source in Status
        if (source, target) in TRANSITIONS and moves(name, source)
    }
    of_attempts = {pair for pair in TRANSITIONS if pair[0] in (Status.PENDING, Status.SENDING, Status.UNKNOWN)}
    later = {(Status.PENDING, each) for each in (Status.SUPPRESSED, Status.EXPIRED, Status.CANCELLED)}
    assert covered == of_attempts - later
