"""Every operation in every status: the SQL allows the transitions of TRANSITIONS, and no others."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import TRANSITIONS, Status
from notifier.outbox import (
    Arrival,
    Change,
    Decision,
    Digests,
    FallBack,
    Operations,
    OverdueAction,
    Recipient,
    Scheduled,
    Selection,
    Settlement,
    ShadowMessage,
    Suppressions,
    Unknowns,
    end_leases,
)
from tests.outbox.rows import Rows

ADDRESS = "a@example.com"
S = Status


@dataclass(frozen=True)
class Operation:
    """Changes a delivery from one of `sources` to `target`, and none in another status."""

    run: Callable[[Rows, UUID, UUID], object]
    sources: frozenset[Status]
    target: Status


def begin(rows: Rows, id_: UUID, token: UUID) -> object:
    return rows.attempts().begin(uuid.uuid4(), [Recipient(id_, ADDRESS)], 60)


def begin_for_suppressed(rows: Rows, id_: UUID, token: UUID) -> object:
    Suppressions(rows.engine, actor="test").add("email", ADDRESS, reason="manual")
    return begin(rows, id_, token)


def shadow(rows: Rows, id_: UUID, token: UUID) -> object:
    return rows.attempts().shadow([ShadowMessage(Recipient(id_, ADDRESS), "Hello", "for the test")])


def shadow_for_suppressed(rows: Rows, id_: UUID, token: UUID) -> object:
    Suppressions(rows.engine, actor="test").add("email", ADDRESS, reason="manual")
    return shadow(rows, id_, token)


def merge(rows: Rows, id_: UUID, token: UUID) -> object:
    """Begin a leader whose message has the event of this delivery."""
    (leader,) = rows.pending()
    rows.run("UPDATE deliveries SET leader = :leader WHERE notification_id = :id", leader=leader, id=id_)
    attempts = rows.attempts()
    attempts.begin(uuid.uuid4(), [Recipient(leader, ADDRESS)], 60, given={leader: (id_,)})
    rows.run("UPDATE deliveries SET leader = NULL WHERE notification_id = :id", id=id_)
    return rows.status(leader)


def release(rows: Rows, id_: UUID, token: UUID) -> object:
    """Let the leader expire whose message has the event of this delivery."""
    leader = rows.in_status(S.PENDING, attempt=1)
    rows.run("UPDATE deliveries SET leader = :leader WHERE notification_id = :id", leader=leader, id=id_)
    rows.attempts().decide([change(leader, S.EXPIRED)], given={leader: (id_,)})
    rows.run("UPDATE deliveries SET leader = NULL WHERE notification_id = :id", id=id_)
    return rows.status(leader)


def collect(rows: Rows, id_: UUID, _: UUID) -> object:
    arrival = Arrival(id_, uuid.uuid4(), 3600.0, 10, first_at_once=False)
    return Digests(rows.engine, channel="email").collect([arrival])


def end_of_lease(rows: Rows, id_: UUID, token: UUID) -> object:
    rows.run(
        "INSERT INTO claims (token, channel, worker, notification_ids, lease_until) "
        "VALUES (:token, 'email', 'dead', ARRAY[CAST(:id AS uuid)], now() - interval '1 s')",
        token=token,
        id=id_,
    )
    return end_leases(rows.engine)


def decide(to: Status) -> Callable[[Rows, UUID, UUID], object]:
    return lambda rows, id_, _: rows.attempts().decide([change(id_, to)])


def schedule(rows: Rows, id_: UUID, _: UUID) -> object:
    until = datetime.now(UTC) + timedelta(hours=1)
    return rows.attempts().schedule([Scheduled(id_, S.PENDING, reason="for the test", until=until)])


def finish(to: Status) -> Callable[[Rows, UUID, UUID], object]:
    return lambda rows, id_, token: rows.attempts().finish(token, [change(id_, to)])


def fall_back(with_token: bool) -> Callable[[Rows, UUID, UUID], object]:
    def run(rows: Rows, id_: UUID, token: UUID) -> object:
        return rows.attempts().fall_back(
            [FallBack(id_, S.FAILED, reason="for the test", next="sms")], token if with_token else None
        )

    return run


def change(id_: UUID, to: Status) -> Change:
    return Change(id_, to, delay=5.0 if to is Status.PENDING else None, reason="for the test")


def event(kind: FeedbackKind) -> Callable[[Rows, UUID, UUID], object]:
    def settle(rows: Rows, id_: UUID, _: UUID) -> object:
        rows.run("UPDATE deliveries SET attempt = greatest(attempt, 1) WHERE notification_id = :id", id=id_)
        now = datetime.now(UTC)
        return Settlement(rows.engine, channel="email").settle([Feedback(kind, "m-1", now, now, id_, 1)])

    return settle


def policy(action: OverdueAction) -> Callable[[Rows, UUID, UUID], object]:
    def settle(rows: Rows, id_: UUID, _: UUID) -> object:
        rows.run(
            "INSERT INTO due (notification_id, kind, channel, due_at) VALUES (:id, 'unknown', 'email', now()) "
            "ON CONFLICT DO NOTHING",
            id=id_,
        )
        return Unknowns(rows.engine, 1.0).settle(lambda _: Decision(action, "for the test"))

    return settle


def operate(name: str) -> Callable[[Rows, UUID, UUID], object]:
    def run(rows: Rows, id_: UUID, _: UUID) -> object:
        operations, one = Operations(rows.engine, actor="test"), Selection(ids=[id_])
        match name:
            case "cancel":
                return list(operations.cancel(one, "for the test"))
            case "bring forward":
                schedule(rows, id_, id_)
                return list(operations.bring_forward(one, "for the test", per_second=1.0))
            case "redrive":
                return list(operations.redrive(one, "for the test", per_second=1.0))
            case "redrive shadowed":
                return list(operations.redrive(one, "for the test", per_second=1.0, source=S.SHADOWED))
        return operations.resolve(id_, Status(name), "for the test")

    return run


ATTEMPT = frozenset((S.SENDING, S.UNKNOWN))
PENDING, UNKNOWN = frozenset((S.PENDING,)), frozenset((S.UNKNOWN,))
ACCEPTED = frozenset((S.SENT, S.DELIVERED, S.BOUNCED, S.COMPLAINED))

OPERATIONS: dict[str, Operation] = {
    "begin": Operation(begin, PENDING, S.SENDING),
    "begin for a suppressed recipient": Operation(begin_for_suppressed, PENDING, S.SUPPRESSED),
    "shadow": Operation(shadow, PENDING, S.SHADOWED),
    "shadow for a suppressed recipient": Operation(shadow_for_suppressed, PENDING, S.SUPPRESSED),
    "merge": Operation(merge, PENDING, S.MERGED),
    "release": Operation(release, frozenset((S.MERGED, S.PENDING)), S.PENDING),
    "collect": Operation(collect, PENDING, S.PENDING),
    "end of lease": Operation(end_of_lease, frozenset((S.SENDING,)), S.UNKNOWN),
    **{f"decide {to}": Operation(decide(to), PENDING, to) for to in (S.SKIPPED, S.PENDING, S.FAILED, S.EXPIRED)},
    "schedule": Operation(schedule, PENDING, S.PENDING),
    "finish sent": Operation(finish(S.SENT), frozenset(Status) - ACCEPTED, S.SENT),
    **{f"finish {to}": Operation(finish(to), ATTEMPT, to) for to in (S.PENDING, S.FAILED)},
    "fall back": Operation(fall_back(with_token=True), ATTEMPT, S.PENDING),
    "fall back without a request": Operation(fall_back(with_token=False), PENDING, S.PENDING),
    "finish unknown": Operation(finish(S.UNKNOWN), frozenset((S.SENDING,)), S.UNKNOWN),
    "event send": Operation(event(FeedbackKind.SEND), frozenset(Status) - ACCEPTED, S.SENT),
    "event delivery": Operation(event(FeedbackKind.DELIVERY), frozenset(Status) - ACCEPTED | {S.SENT}, S.DELIVERED),
    "event bounce": Operation(
        event(FeedbackKind.BOUNCE), frozenset(Status) - ACCEPTED | {S.SENT, S.DELIVERED}, S.BOUNCED
    ),
    "event suppressed": Operation(
        event(FeedbackKind.SUPPRESSED), frozenset(Status) - ACCEPTED | {S.SENT, S.DELIVERED}, S.BOUNCED
    ),
    "event complaint": Operation(
        event(FeedbackKind.COMPLAINT), frozenset(Status) - {S.COMPLAINED}, S.COMPLAINED
    ),
    "policy resend": Operation(policy(OverdueAction.RESEND), UNKNOWN, S.PENDING),
    "policy drop": Operation(policy(OverdueAction.DROP), UNKNOWN, S.FAILED),
    **{f"resolve {to}": Operation(operate(to), UNKNOWN, to) for to in (S.SENT, S.PENDING, S.FAILED)},
    "cancel": Operation(operate("cancel"), PENDING, S.CANCELLED),
    "bring forward": Operation(operate("bring forward"), PENDING, S.PENDING),
    "redrive": Operation(operate("redrive"), frozenset((S.FAILED,)), S.PENDING),
    "redrive shadowed": Operation(operate("redrive shadowed"), frozenset((S.SHADOWED,)), S.PENDING),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_changes_only_its_source_statuses(rows: Rows, operation: str) -> None:
    tested = OPERATIONS[operation]
    for source in Status:
        token = uuid.uuid4()
        id_ = rows.in_status(source, token=token, recipient=ADDRESS)
        before = rows.delivery(id_)

        tested.run(rows, id_, token)

        after = rows.delivery(id_)
        if source in tested.sources:
            assert after["status"] == tested.target, source
        elif operation.startswith("event"):
            assert after["status"] == source
        else:
            assert after == before, source


def test_each_transition_has_an_operation_and_each_operation_is_a_transition() -> None:
    steps: set[tuple[Status, Status]] = set()
    for name, operation in OPERATIONS.items():
        for source in operation.sources:
            steps |= steps_of(name, source, operation.target)
    assert steps == set(TRANSITIONS)


def steps_of(name: str, source: Status, target: Status) -> set[tuple[Status, Status]]:
    """An event of a delivery that is not `sent` yet is two transitions: it proves the acceptance first."""
    if name.startswith("event") and source not in ACCEPTED and target is not S.SENT:
        return {(source, S.SENT), (S.SENT, target)}
    return {(source, target)}
