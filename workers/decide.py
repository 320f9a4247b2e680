"""The change of a delivery that follows from an outcome, an error or a decision. Pure: no I/O."""

import traceback
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import assert_never
from uuid import UUID

from notifier.errors import NotifierError, Unsendable
from notifier.messages import ENDS
from notifier.notifications import Status
from notifier.outbox import Change, DueNotification, Members, OverLimit, Scheduled
from notifier.outbox.operator.waiting import parked, routeless
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
from notifier.routes.limits import Limit
from notifier.telemetry import trace
from notifier.timing.current import database_time
from notifier.timing.later import Later

LONGEST_WAIT = 3600.0
"""Seconds. A provider that asks to wait for longer is asked again after this time."""

_PENDING, _SENT = Status.PENDING, Status.SENT  # read for each delivery, and a look-up in an enum is slow
_AT_CAP = 10
"""Failures after which the delay of each policy in `notifier.retry` for waiting is bounded by its `cap`."""
_WAITS = {Blocked: WAIT_WHEN_BLOCKED, Offline: WAIT_WHEN_OFFLINE, Late: WAIT_WHEN_THROTTLED}


def after_send(due: DueNotification, outcome: Outcome, policy: RetryPolicy, *, one_provider: bool = True) -> Change:
    """Return the change of a delivery whose attempt had this outcome.

    `one_provider`: all messages of its channel go to one provider, not each to a receiver of its own.
    """
    if isinstance(outcome, Accepted):  # nearly all are: a pattern takes several look-ups
        return Change(due.id, _SENT, message_id=outcome.message_id, route=due.route)
    match outcome:
        case NotSent(reason):
            return _retry(due, policy, reason)
        case Throttled():
            return _throttled(due, outcome, policy, one_provider=one_provider)
        case Blocked() | Offline() | Late():
            return _not_sent_now(due, outcome)
        case Rejected(reason, gone):
            return Change(due.id, Status.FAILED, failed=True, reason=reason, gone=gone, route=due.route)
        case Unknown(reason):
            return Change(due.id, Status.UNKNOWN, reason=reason, route=due.route)
        case _:
            assert_never(outcome)


def without_returned(changes: Sequence[Change]) -> list[Change]:
    """Return the changes without those whose message goes back to the broker: this process ends, and another may
    begin it at once.
    """
    return [each for each in changes if each.to is not _PENDING or each.reason != ENDS]


def after_error(due: DueNotification, error: BaseException, policy: RetryPolicy) -> Change:
    """Return the change of a delivery whose route or template raised. Nothing was sent, so it is tried again.

    The text of a user's exception may hold personal data: it is in the detail only, which is shown with --reveal.
    """
    return _retry(due, policy, _reason(error), _detail(error))


def unsendable(due: DueNotification, error: Unsendable) -> Change:
    """Return the change of a delivery whose message no provider takes as it is. Another attempt would not help."""
    return Change(due.id, Status.FAILED, failed=True, reason=discreet(str(error)), route=due.route)


def no_memory(due: DueNotification) -> Change:
    """Return the change of a delivery for whose attachments there was no memory. Not a failure."""
    reason = "the attachments of other messages use NOTIFIER_ATTACHMENT_MEMORY_MB; not sent"
    return _wait(due, WAIT_WHEN_THROTTLED, reason)


def too_late(due: DueNotification) -> Change:
    """Return the change of a delivery whose lease was nearly over before its request was made. Not a failure."""
    return _wait(due, WAIT_WHEN_THROTTLED, "the database answered too late to send within the lease; not sent")


def not_built(due: DueNotification, policy: RetryPolicy, *, hangs: bool) -> Change:
    """Return the change of a delivery that was not built in time: its route hangs, or was not called in time."""
    if hangs:
        return _retry(due, policy, "the route has not returned; its unit went on without it")
    return _wait(due, WAIT_WHEN_THROTTLED, "the routes of its unit took too long; its own was not called in time")


def route_missing(due: DueNotification) -> Change:
    """Return the change of a delivery whose route this worker does not have, while a newer one may. Not a failure."""
    return _given_back(due, routeless(due.route))


def channel_missing(due: DueNotification, channel: str) -> Change:
    """Return the change of a delivery without a message on this channel, which its route does not name here. Not a
    failure.
    """
    reason = f"in this worker the route {due.route} has no channel {channel}; another one may be of a newer version"
    return _given_back(due, reason)


def killed_worker(due: DueNotification, deaths: int, cause: str) -> Change:
    """Return the change of a delivery whose build killed its worker, and then each process that built it alone."""
    reason = (
        f"its worker died {deaths} times while building it ({cause}); correct the route {due.route}, "
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
    """Return that nothing is written of a delivery that another worker builds in isolation: if its row changed, that
    worker could not send it.
    """
    return left_pending(id_, "another worker builds it")


def skipped(due: DueNotification) -> Change:
    return Change(due.id, Status.SKIPPED, reason="the route returned None", route=due.route)


def scheduled(due: DueNotification, later: Later, expires_after: float | None) -> Scheduled:
    """Return the change of a delivery whose route returned `Later`. Not a failure.

    `expires_after` is that of its route: it waits no longer, and expires then. Raise ValueError for a time that is
    too far away.
    """
    now = database_time(due)
    until, reason = later.moment(now), discreet(later.reason)
    left = None if expires_after is None else expires_after - due.age  # may be longer than a timedelta can be
    if left is not None and left < (until - now).total_seconds():
        until = now + timedelta(seconds=left)
        reason = discreet(f"{reason}; it expires before that" if reason else "it expires before its time")
    return Scheduled(due.id, Status.PENDING, reason=reason or "its route waits", route=due.route, until=until)


def over_limit(due: DueNotification, limit: Limit, over: OverLimit, expires_after: float | None) -> Change:
    """Return the change of a delivery whose recipient has got as many messages as its route allows. Not a failure."""
    counted = limit.scope(due.route)
    reason = f"over its limit of {limit}: {over.used} to this recipient, counted for {counted}"
    if limit.waits:
        return scheduled(due, Later(over.free_at, reason), expires_after)
    reason += f"; the next is free at {over.free_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return Change(due.id, Status.SKIPPED, reason=discreet(reason), route=due.route)


def collected(due: DueNotification) -> LeftPending:
    """Return the change of a delivery whose event waits for the message of its digest. It is written already."""
    return LeftPending(due.id, Status.PENDING, reason="its event is collected", route=due.route)


def members_gone(due: DueNotification, members: Members) -> Change:
    """Return the change of a leader that was tried before, and of whose events retention has deleted some since."""
    every = 1 + len(members.there) + members.gone
    reason = f"retention has deleted {members.gone} of the {every} events of its digest; not sent without them"
    return Change(due.id, Status.FAILED, failed=True, reason=reason, route=due.route)


def not_to_recipient(due: DueNotification, reason: str) -> Change:
    """Return the change of a delivery whose recipient gets no messages while the set-up is tried."""
    return Change(due.id, Status.SKIPPED, reason=reason, route=due.route)


def shadowed(due: DueNotification, reason: str) -> Change:
    return Change(due.id, Status.SHADOWED, reason=reason, route=due.route)


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


def _not_sent_now(due: DueNotification, outcome: Blocked | Offline | Late) -> Change:
    if outcome.reason == ENDS:
        return Change(due.id, Status.PENDING, delay=0.0, reason=ENDS, route=due.route)
    reason = outcome.reason
    if isinstance(outcome, Blocked) and outcome.within:
        reason = discreet(parked(outcome.within, reason))
    return _wait(due, _WAITS[type(outcome)], reason)


def _throttled(due: DueNotification, outcome: Throttled, policy: RetryPolicy, *, one_provider: bool) -> Change:
    """Throttling by the one provider of a channel is no failure of a message; throttling by its receiver is one."""
    least = min(outcome.after or 0.0, LONGEST_WAIT)
    if one_provider:
        return _wait(due, WAIT_WHEN_THROTTLED, outcome.reason, least)
    return _retry(due, policy, outcome.reason, at_least=least)


def _given_back(due: DueNotification, reason: str) -> Change:
    """It waits for a tenth of its age, five seconds at least and a minute at most."""
    return Change(due.id, Status.PENDING, delay=min(60.0, max(5.0, due.age / 10)), reason=reason, route=due.route)


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
