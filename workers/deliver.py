"""A unit of notifications on its way to people: load, build, render, begin, send, finish.

Everything slow or fallible that is not the request itself comes before begin, so that an attempt whose outcome could
be unknown is as short as the request.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog

from notifier.channels import Channel
from notifier.errors import RoutesError
from notifier.events import Event
from notifier.messages import Message
from notifier.outbox import Attempts, Change, Work
from notifier.outcomes import Outcome, Unknown
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.telemetry import trace
from notifier.templates import Templates
from workers.build import Builds
from workers.decide import after_error, after_send, not_built, skipped, too_late
from workers.patience import Patience
from workers.underway import Underway

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 30.0
_LONG_PATIENCE_SECONDS = 600.0  # we know what happened: worth waiting for the database to come back
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
        self,
        attempts: Attempts,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        lease_seconds: float,
        underway: Underway,
    ) -> None:
        self._attempts = attempts
        self._channel = channel
        self._routes = routes
        self._templates = templates
        self._lease_seconds = lease_seconds
        self._underway = underway
        self._builds = Builds(underway)

    def deliver(self, ids: Sequence[UUID]) -> dict[UUID, Change]:
        """Send what is pending among these; answers what became of each. Ids that it leaves out were not ours.

        Raises Unreachable where the database stays away; nothing is lost by calling again.
        """
        with self._underway.hold(ids) as taken:
            return {each.id: each for each in self._deliver(taken)} if taken else {}

    def _deliver(self, ids: Sequence[UUID]) -> list[Change]:
        ready: list[Prepared] = []
        decided: list[Change] = []
        works = self._patience(ids).run(lambda: self._attempts.load(ids))
        for prepared in self._builds.run(works, self._prepare, self._not_built):
            if isinstance(prepared, Change):
                decided.append(prepared)
            else:
                ready.append(prepared)
        return self._send(ready) + self._decide(decided)

    def _patience(self, ids: Sequence[UUID], seconds: float = _PATIENCE_SECONDS, **options: Any) -> Patience:
        return Patience(seconds, waiting=lambda: self._underway.moved(ids), **options)

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
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
            log.warning("route failed", notification=str(work.id), route=work.route, error=type(error).__name__)
            return after_error(work, error, policy)

    def _not_built(self, work: Work, hangs: bool) -> Change:
        log.warning("route not waited for", notification=str(work.id), route=work.route, hangs=hangs)
        return not_built(work, self._routes[work.route].retry, hangs=hangs)

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
        patience = self._patience([each.work.id for each in ready], _LONG_PATIENCE_SECONDS)
        started = time.monotonic()
        begun = patience.run(lambda: self._attempts.begin(token, recipients, self._lease_seconds))
        if time.monotonic() - started > self._lease_seconds / 2:
            return self._finish(token, [too_late(each.work) for each in ready])
        attempts = {each.id: each.attempt for each in begun}
        ours = [each for each in ready if each.work.id in attempts]
        if not ours:
            return []
        outcomes = self._ask(ours, attempts)
        return self._finish(
            token, [after_send(each.work, outcome, each.policy) for each, outcome in zip(ours, outcomes, strict=True)]
        )

    def _finish(self, token: UUID, changes: Sequence[Change]) -> list[Change]:
        """Answers those that were written."""
        patience = self._patience([each.id for each in changes], _LONG_PATIENCE_SECONDS, again=lambda _: True)
        return _written(changes, patience.run(lambda: self._attempts.finish(token, changes)), patience)

    def _decide(self, changes: Sequence[Change]) -> list[Change]:
        """Answers those that were written."""
        patience = self._patience([each.id for each in changes])
        return _written(changes, patience.run(lambda: self._attempts.decide(changes)), patience)

    def _ask(self, ours: Sequence[Prepared], attempts: Mapping[UUID, int]) -> list[Outcome]:
        ids = [each.work.id for each in ours]
        messages = [Message(each.work.id, attempts[each.work.id], each.request, each.content) for each in ours]
        self._underway.moved(ids)
        try:
            outcomes = self._channel.send(messages)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  the channel broke its promise: the requests may have left
            log.error("the channel raised", error=type(error).__name__, trace=trace(error))  # noqa: TRY400
            return [Unknown(f"{type(error).__name__}: {error}")] * len(ours)
        self._underway.moved(ids)
        if len(outcomes) != len(messages):
            return [Unknown(f"the channel gave {len(outcomes)} answers to {len(messages)} messages")] * len(ours)
        return outcomes


def _written(changes: Sequence[Change], ids: set[UUID], patience: Patience) -> list[Change]:
    """Those of the changes that apply now: a repeated statement finds what an earlier try, its answer lost, did."""
    written = [each for each in changes if each.id in ids]
    missing = len(changes) - len(written)
    if missing and patience.repeated:
        log.info("written by an earlier try, or settled by somebody else", count=missing)
        return list(changes)
    if missing:
        log.warning("deliveries were settled by somebody else", count=missing)
    return written
