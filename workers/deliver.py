"""A unit of notifications on its way to people: load, build, render, begin, send, finish.

Everything slow or fallible that is not the request itself comes before begin, so that an attempt whose outcome could
be unknown is as short as the request.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import orjson
import structlog

from notifier.channels import Channel
from notifier.database import DatabaseAway
from notifier.errors import RoutesError, Unreachable
from notifier.events import Event
from notifier.messages import Message
from notifier.outbox import Attempts, Change, Work
from notifier.outcomes import Outcome, Unknown
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.templates import Templates
from workers.decide import after_error, after_send, skipped

log = structlog.get_logger(__name__)
T = TypeVar("T")

_PATIENCE_SECONDS = 30.0
_FINISH_PATIENCE_SECONDS = 600.0  # we know what happened: worth waiting for the database to come back
_LOST_ROUTE = RetryPolicy(attempts=20, base=5.0, cap=600.0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification that is ready to be sent: what its route asked for, rendered."""

    work: Work
    request: Any
    content: Any
    policy: RetryPolicy


class Delivery:
    """Delivers units on one channel."""

    def __init__(
        self, attempts: Attempts, channel: Channel, routes: Routes, templates: Templates, lease_seconds: float
    ) -> None:
        self._attempts = attempts
        self._channel = channel
        self._routes = routes
        self._templates = templates
        self._lease_seconds = lease_seconds

    def deliver(self, ids: Sequence[UUID]) -> dict[UUID, Change]:
        """Send what is pending among these; answers what became of each. Ids that it leaves out were not ours.

        Raises Unreachable where the database stays away; nothing is lost by calling again.
        """
        ready: list[Prepared] = []
        decided: list[Change] = []
        for work in _patiently(lambda: self._attempts.load(ids)):
            prepared = self._prepare(work)
            if isinstance(prepared, Change):
                decided.append(prepared)
            else:
                ready.append(prepared)
        changes = decided + self._send(ready)
        if decided:
            _patiently(lambda: self._attempts.decide(decided))
        return {each.id: each for each in changes}

    def _prepare(self, work: Work) -> Prepared | Change:
        """Build and render. The user's code may raise anything; that is one failure of this notification only."""
        policy = _LOST_ROUTE
        try:
            route = self._routes[work.route]
            policy = route.retry
            request = route.build(Event.from_record(work.table, orjson.loads(work.record)))
            if request is None:
                return skipped(work)
            self._check(route, request)
            return Prepared(work, request, self._channel.render(request, self._templates), policy)
        except Exception as error:  # noqa: BLE001  whatever the user's code raises
            log.warning("route failed", notification=str(work.id), route=work.route, error=type(error).__name__)
            return after_error(work, error, policy)

    def _check(self, route: Route, request: object) -> None:
        wanted = self._channel.request_type
        if not isinstance(request, wanted):
            found = type(request).__name__
            raise RoutesError(f"the route {route.name!r} returned {found}, its channel sends {wanted.__name__}")
        if not isinstance(to := getattr(request, "to", None), str):
            raise RoutesError(f"the route {route.name!r} gave {type(to).__name__} as recipient, not text")

    def _send(self, ready: Sequence[Prepared]) -> list[Change]:
        if not ready:
            return []
        token = uuid.uuid4()
        recipients = [(each.work.id, each.request.to) for each in ready]
        begun = _patiently(lambda: self._attempts.begin(token, recipients, self._lease_seconds))
        attempts = {each.id: each.attempt for each in begun}
        ours = [each for each in ready if each.work.id in attempts]
        if not ours:
            return []
        outcomes = self._ask(ours, attempts)
        changes = [after_send(each.work, outcome, each.policy) for each, outcome in zip(ours, outcomes, strict=True)]
        finished = _patiently(lambda: self._attempts.finish(token, changes), _FINISH_PATIENCE_SECONDS)
        if len(finished) < len(changes):
            log.warning("attempts were settled by somebody else", count=len(changes) - len(finished))
        return changes

    def _ask(self, ours: Sequence[Prepared], attempts: Mapping[UUID, int]) -> list[Outcome]:
        messages = [Message(each.work.id, attempts[each.work.id], each.request, each.content) for each in ours]
        try:
            outcomes = self._channel.send(messages)
        except Exception as error:  # the channel broke its promise: the requests may have left
            log.exception("the channel raised")
            return [Unknown(f"{type(error).__name__}: {error}")] * len(ours)
        if len(outcomes) != len(messages):
            return [Unknown(f"the channel gave {len(outcomes)} answers to {len(messages)} messages")] * len(ours)
        return outcomes


def _patiently(step: Callable[[], T], seconds: float = _PATIENCE_SECONDS) -> T:
    """Repeat an idempotent step of the outbox while the database is away. Raises Unreachable after that."""
    deadline = time.monotonic() + seconds
    wait = 0.05
    while True:
        try:
            return step()
        except DatabaseAway as error:
            if time.monotonic() + wait > deadline:
                raise Unreachable(f"the database stays away: {' '.join(str(error.orig).split())}") from error
        time.sleep(wait)
        wait = min(wait * 2, 2.0)
