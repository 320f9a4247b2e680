"""The change of a delivery that follows from an outcome, an error or a decision. Pure: no I/O."""

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
"""Seconds. A provider that asks to wait for longer is asked again after this time."""

_AT_CAP = 10
"""Failures after which the delay of each policy in `notifier.retry` for waiting is bounded by its `cap`."""
_WAITS = {Blocked: WAIT_WHEN_BLOCKED, Offline: WAIT_WHEN_OFFLINE, Late: WAIT_WHEN_THROTTLED}


def after_send(due: DueNotification, outcome: Outcome, policy: RetryPolicy, *, one_provider: bool = True) -> Change:
    """Return the change of a delivery whose attempt had this outcome.

    `one_provider`: all messages of its channel go to one provider, not each to a receiver of its own.
    """
    match outcome:
        case Accepted(message_id):
            return Change(due.id, Status.SENT, message_id=message_id, route=due.route)
        case NotSent(reason):
            return _retry(due, policy, reason)
        case Throttled():
            return _throttled(due, outcome, policy, one_provider=one_provider)
        case Blocked(reason) | Offline(reason) | Late(reason):
            at_once = Change(due.id, Status.PENDING, delay=0.0, reason=reason, route=due.route)
            return at_once if reason == ENDS else _wait(due, _WAITS[type(outcome)], reason)
        case Rejected(reason):
            return Change(due.id, Status.FAILED, failed=True, reason=reason, route=due.route)
        case Unknown(reason):
            return Change(due.id, Status.UNKNOWN, reason=reason, route=due.route)
        case _:
            assert_never(outcome)


def returns_to_broker(change: Change) -> bool:
    """Return whether the message goes back to the broker: this process ends, and another may begin it at once."""
    return change.to is Status.PENDING and change.reason == ENDS


def after_error(due: DueNotification, error: BaseException, policy: RetryPolicy) -> Change:
    """Return the change of a delivery whose route or template raised. Nothing was sent, so it is tried again.

    The text of a user's exception may hold personal data: it is in the detail only, which is shown with --reveal.
    """
    return _retry(due, policy, _reason(error), _detail(error))


def too_late(due: DueNotification) -> Change:
    """Return the change of a delivery whose lease was nearly over before its request was made. Not a failure."""
    return _wait(due, WAIT_WHEN_THROTTLED, "the database answered too late to send within the lease; not sent")


def not_built(due: DueNotification, policy: RetryPolicy, *, hangs: bool) -> Change:
    """Return the change of a delivery that was not built in time: its route hangs, or was not called in time."""
    if hangs:
        return _retry(due, policy, "the route has not returned; its unit went on without it")
    return _wait(due, WAIT_WHEN_THROTTLED, "the routes of its unit took too long; its own was not called in time")


def killed_worker(due: DueNotification, deaths: int, cause: str) -> Change:
    """Return the change of a delivery whose build killed its worker, and then each process that built it alone."""
    reason = (
        f"its worker died {deaths} times while building it ({cause}); mend the route {due.route}, "
        f"then try it again with `notifier redrive {due.id} --reason WHY`"
    )
    return Change(due.id, Status.FAILED, failed=True, reason=reason, route=due.route)


def not_isolated(due: DueNotification, reason: str) -> Change:
    """Return the change of a delivery that has to be built in isolation, and was not. Not a failure."""
    return _wait(due, WAIT_WHEN_THROTTLED, f"not built alone: {reason}")


class LeftPending(Change):
    """The delivery stays pending: there is nothing to write, and the relay publishes it again."""

    __slots__ = ()


def built_elsewhere(id_: UUID) -> LeftPending:
    """Leave it to the worker that builds it in isolation: a change of its row would keep that one from sending it."""
    return left_pending(id_, "another worker builds it")


def skipped(due: DueNotification) -> Change:
    return Change(due.id, Status.SKIPPED, reason="the route returned None", route=due.route)


def expired(due: DueNotification, after: float | None) -> Change:
    """Return the change of a delivery whose event is older than its route allows, in seconds."""
    reason = f"its event is {due.age:,.0f} s old, its route allows {after:,.0f} s"
    return Change(due.id, Status.EXPIRED, reason=reason, route=due.route)


def left_pending(id_: UUID, reason: str) -> LeftPending:
    return LeftPending(id_, Status.PENDING, reason=reason)


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    if type(error).__module__ != NotifierError.__module__:
        return name
    try:
        return discreet(f"{name}: {error}")
    except Exception:  # noqa: BLE001  its text may come from an object of the user's, which may raise
        return name


def _detail(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  an exception of the user's may raise when it is formatted
        return trace(error)


def _throttled(due: DueNotification, outcome: Throttled, policy: RetryPolicy, *, one_provider: bool) -> Change:
    """Throttling by the one provider of a channel is no failure of a message; throttling by its receiver is one."""
    least = min(outcome.after or 0.0, LONGEST_WAIT)
    if one_provider:
        return _wait(due, WAIT_WHEN_THROTTLED, outcome.reason, least)
    return _retry(due, policy, outcome.reason, at_least=least)


def _retry(
    due: DueNotification, policy: RetryPolicy, reason: str, detail: str | None = None, at_least: float = 0.0
) -> Change:
    failures = due.failures + 1
    if policy.exhausted(failures, due.age):
        return Change(due.id, Status.FAILED, failed=True, reason=reason, detail=detail, route=due.route)
    delay = max(policy.delay(failures), at_least)
    return Change(due.id, Status.PENDING, failed=True, delay=delay, reason=reason, detail=detail, route=due.route)


def _wait(due: DueNotification, policy: RetryPolicy, reason: str, at_least: float = 0.0) -> Change:
    return Change(due.id, Status.PENDING, delay=max(policy.delay(_AT_CAP), at_least), reason=reason, route=due.route)
