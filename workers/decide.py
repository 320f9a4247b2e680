"""What an outcome means for the delivery. Pure: one outcome in, one change out."""

import traceback
from typing import assert_never
from uuid import UUID

from notifier.errors import NotifierError
from notifier.messages import ENDS
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification
from notifier.outcomes import (
    Accepted,
    Blocked,
    Late,
    NotSent,
    Offline,
    Outcome,
    Rejected,
    Throttled,
    Unknown,
    discreet,
)
from notifier.retry import WAIT_WHEN_BLOCKED, WAIT_WHEN_OFFLINE, WAIT_WHEN_THROTTLED, RetryPolicy
from notifier.telemetry import trace

LONGEST_WAIT = 3600.0
"""Seconds; a provider that asks for more is asked again after this time."""

_WAITS = {Blocked: WAIT_WHEN_BLOCKED, Offline: WAIT_WHEN_OFFLINE, Late: WAIT_WHEN_THROTTLED}


def after_send(work: DueNotification, outcome: Outcome, policy: RetryPolicy, *, one_provider: bool = True) -> Change:
    """The change of a delivery whose attempt came to this outcome. `one_provider`: of all messages of its channel."""
    match outcome:
        case Accepted(message_id):
            return Change(work.id, Status.SENT, message_id=message_id, route=work.route)
        case NotSent(reason):
            return _retry(work, policy, reason)
        case Throttled():
            return _slower(work, outcome, policy, one_provider=one_provider)
        case Blocked(reason) | Offline(reason) | Late(reason):
            at_once = Change(work.id, Status.PENDING, delay=0.0, reason=reason, route=work.route)
            return at_once if reason == ENDS else _wait(work, _WAITS[type(outcome)], reason)
        case Rejected(reason):
            return Change(work.id, Status.FAILED, failed=True, reason=reason, route=work.route)
        case Unknown(reason):
            return Change(work.id, Status.UNKNOWN, reason=reason, route=work.route)
        case _:
            assert_never(outcome)


def goes_back(change: Change) -> bool:
    """Whether the message goes back to the broker: the process ends, and another one may begin the delivery now."""
    return change.to is Status.PENDING and change.reason == ENDS


def after_error(work: DueNotification, error: BaseException, policy: RetryPolicy) -> Change:
    """The change of a delivery whose route or template raised: nothing has left, so it is tried again.

    What an exception of the user's says may be personal: it is in the detail only, which is shown with --reveal.
    """
    return _retry(work, policy, _reason(error), _detail(error))


def too_late(work: DueNotification) -> Change:
    """The change of a delivery whose lease is nearly over before its request left. Counts against nothing."""
    return _wait(work, WAIT_WHEN_THROTTLED, "the database answered too late to send within the lease; not sent")


def not_built(work: DueNotification, policy: RetryPolicy, *, hangs: bool) -> Change:
    """The change of a delivery whose unit went on without it: its route hangs, or its turn did not come in time."""
    if hangs:
        return _retry(work, policy, "the route has not returned; its unit went on without it")
    return _wait(work, WAIT_WHEN_THROTTLED, "the routes of its unit took too long; its own was not waited for")


def lost(work: DueNotification, deaths: int, cause: str) -> Change:
    """The change of a delivery whose build killed its worker, and then each process that built it alone."""
    reason = (
        f"its worker died {deaths} times while building it ({cause}); mend the route {work.route}, "
        f"then try it again with `notifier redrive {work.id} --reason WHY`"
    )
    return Change(work.id, Status.FAILED, failed=True, reason=reason, route=work.route)


def not_isolated(work: DueNotification, reason: str) -> Change:
    """The change of a delivery that must be built alone, and was not. Counts against nothing."""
    return _wait(work, WAIT_WHEN_THROTTLED, f"not built alone: {reason}")


class LeftPending(Change):
    """Says of a delivery that it stays pending. Not to be written: the relay publishes it again."""

    __slots__ = ()


def elsewhere(id_: UUID) -> LeftPending:
    """Another worker builds it alone; a change to its row would keep that one from sending it."""
    return waiting(id_, "another worker builds it")


def skipped(work: DueNotification) -> Change:
    return Change(work.id, Status.SKIPPED, reason="the route returned None", route=work.route)


def expired(work: DueNotification, after: float | None) -> Change:
    """The change of a delivery whose event is no news any more."""
    reason = f"its event is {work.age:,.0f} s old, its route allows {after:,.0f} s"
    return Change(work.id, Status.EXPIRED, reason=reason, route=work.route)


def waiting(id_: UUID, reason: str) -> LeftPending:
    return LeftPending(id_, Status.PENDING, reason=reason)


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    if type(error).__module__ != NotifierError.__module__:
        return name
    try:
        return discreet(f"{name}: {error}")
    except Exception:  # noqa: BLE001  somebody else's object may be all that it says
        return name


def _detail(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  an exception of the user's may be anything
        return trace(error)


def _slower(work: DueNotification, told: Throttled, policy: RetryPolicy, *, one_provider: bool) -> Change:
    """The one provider of a channel slows down everybody; a receiver of its own only what is sent to it."""
    least = min(told.after or 0.0, LONGEST_WAIT)
    if one_provider:
        return _wait(work, WAIT_WHEN_THROTTLED, told.reason, least)
    return _retry(work, policy, told.reason, at_least=least)


def _retry(
    work: DueNotification, policy: RetryPolicy, reason: str, detail: str | None = None, at_least: float = 0.0
) -> Change:
    failures = work.failures + 1
    if policy.exhausted(failures, work.age):
        return Change(work.id, Status.FAILED, failed=True, reason=reason, detail=detail, route=work.route)
    delay = max(policy.delay(failures), at_least)
    return Change(work.id, Status.PENDING, failed=True, delay=delay, reason=reason, detail=detail, route=work.route)


def _wait(work: DueNotification, policy: RetryPolicy, reason: str, at_least: float = 0.0) -> Change:
    return Change(work.id, Status.PENDING, delay=max(policy.delay(10), at_least), reason=reason, route=work.route)
