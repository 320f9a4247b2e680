"""A unit of notifications on its way to people: load, build, render, wait for its turn, begin, send, finish.

Everything slow or fallible that is not the request itself comes before begin, so that an attempt whose outcome could
be unknown is as short as the request.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from notifier import wire
from notifier.channels import Channel
from notifier.database import DatabaseError
from notifier.errors import NotifierError, RoutesError
from notifier.events import Event
from notifier.messages import Message
from notifier.notifications import Status
from notifier.outbox import Attempts, Change, Wanted, Work
from notifier.outcomes import Outcome, Throttled, Unknown
from notifier.retry import RetryPolicy
from notifier.routes import Route, Routes
from notifier.telemetry import trace
from notifier.templates import Templates
from workers.build import Builds
from workers.decide import after_error, after_send, expired, not_built, skipped, too_late, waiting
from workers.gate import Gate
from workers.limits import Limiter
from workers.patience import Patience
from workers.reach import Reach
from workers.stop import Stop
from workers.underway import Underway

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 30.0
_LONG_PATIENCE_SECONDS = 600.0  # we know what happened: worth waiting for the database to come back
_TURN_SECONDS = 45.0  # for the rate, or for a provider that does not answer; less than the broker's visibility
_FINISH_SECONDS = 20.0
"""How long a worker that is to end waits for the database to take the outcome of a request that has been sent."""
_LOST_ROUTE = RetryPolicy(attempts=20, base=5.0, cap=600.0)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notification that is ready to be sent: what its route asked for, rendered. `address` is for suppressions."""

    work: Work
    request: Any
    content: Any
    route: Route
    address: str


class Stopped(NotifierError):
    """The process is to end: the deliveries `left` have not begun, and their messages go back to the broker.

    `changes` says what became of the others.
    """

    def __init__(self, changes: dict[UUID, Change], left: set[UUID]) -> None:
        super().__init__(f"this worker ends; {len(left)} messages are given back")
        self.changes = changes
        self.left = left


class Delivery:
    """Delivers units on one channel. Once `stop` is set it begins nothing, and ends after the request under way."""

    def __init__(
        self,
        attempts: Attempts,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        lease_seconds: float,
        underway: Underway,
        gate: Gate,
        limiter: Limiter,
        stop: Stop | None = None,
    ) -> None:
        self._attempts = attempts
        self._channel = channel
        self._routes = routes
        self._templates = templates
        self._lease_seconds = lease_seconds
        self._underway = underway
        self._gate = gate
        self._limiter = limiter
        self._stop = stop or Stop()
        self._reach = Reach(stop=self._stop)
        self._builds = Builds(underway, stop=self._stop)

    def deliver(self, ids: Sequence[UUID]) -> dict[UUID, Change]:
        """Send what is pending among these; answers what became of each. Ids that it leaves out were not ours.

        What has to wait for the channel stays pending: the relay publishes it again. Raises Unreachable where the
        database stays away; nothing is lost by calling again. Raises Stopped where this process is to end.
        """
        with self._underway.hold(ids) as taken:
            if self._stop:
                raise Stopped({}, set(taken))
            return {each.id: each for each in self._deliver(taken)} if taken else {}

    def _deliver(self, ids: Sequence[UUID]) -> list[Change]:
        patience = self._patience(ids)
        if works := patience.run(lambda: self._attempts.load(ids)):
            return self._all_of(works, self._work(works, probing=False))
        reason = patience.run(self._gate.closed)
        if reason is None:
            return []
        due = patience.run(lambda: self._attempts.load(ids, probing=True))
        probes = bool(due) and patience.run(self._gate.probe)
        changes = self._work(due[:1] if probes else [], probing=True)
        return changes + [waiting(id_, reason) for id_ in ids if id_ not in {each.id for each in changes}]

    def _all_of(self, works: Sequence[Work], changes: list[Change]) -> list[Change]:
        """The changes. Raise Stopped where this process is to end before there is one for each of the works."""
        left = {each.id for each in works}.difference(each.id for each in changes)
        if left and self._stop:
            raise Stopped({each.id: each for each in changes}, left)
        return changes

    def _work(self, works: Sequence[Work], *, probing: bool) -> list[Change]:
        ready: list[Prepared] = []
        decided: list[Change] = []
        for prepared in self._builds.run(works, self._prepare, self._not_built):
            if isinstance(prepared, Change):
                decided.append(prepared)
            elif prepared:
                ready.append(prepared)
        return self._decide(decided) + self._send(ready, probing=probing)

    def _patience(self, ids: Sequence[UUID], seconds: float = _PATIENCE_SECONDS, **options: Any) -> Patience:
        return Patience(seconds, waiting=lambda: self._underway.moved(ids), stop=self._stop, **options)

    def _prepare(self, work: Work) -> Prepared | Change | None:
        """Build and render. The user's code may raise anything; that is one failure of this notification only."""
        policy = _LOST_ROUTE
        try:
            route = self._routes[work.route]
            if route.expired(work.age):
                return expired(work, route.expires_after)
            policy = route.retry
            request = route.build(Event.from_record(work.table, wire.parse(work.record)))
            if request is None:
                return skipped(work)
            self._check(route, request)
            content = self._channel.render(request, self._templates)
            return Prepared(work, request, content, route, self._address(request))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  whatever the user's code raises, SystemExit too
            log.warning("route failed", notification=str(work.id), route=work.route, error=type(error).__name__)
            return after_error(work, error, policy)

    def _not_built(self, work: Work, hangs: bool) -> Change | None:
        """None where it is not built because this process is to end: nothing is wrong with it."""
        if self._stop:
            return None
        log.warning("route not waited for", notification=str(work.id), route=work.route, hangs=hangs)
        try:
            policy = self._routes[work.route].retry
        except RoutesError:
            policy = _LOST_ROUTE
        return not_built(work, policy, hangs=hangs)

    def _check(self, route: Route, request: object) -> None:
        wanted = self._channel.request_type
        if not isinstance(request, wanted):
            found = type(request).__name__
            raise RoutesError(f"the route {route.name!r} returned {found}, its channel sends {wanted.__name__}")
        if not isinstance(to := getattr(request, "to", None), str):
            raise RoutesError(f"the route {route.name!r} gave {type(to).__name__} as recipient, not text")

    def _address(self, request: Any) -> str:
        address: object = self._channel.address(request.to)
        if not isinstance(address, str):
            raise TypeError(f"the channel gave {type(address).__name__} as address, not text")
        return address

    def _send(self, ready: Sequence[Prepared], *, probing: bool) -> list[Change]:
        done: list[Change] = []
        sent = 0
        for portion in self._turns(ready):
            sent += len(portion)
            done += self._attempt(portion, probing=probing)
        if self._stop:
            return done
        late = "the provider does not answer, or its rate is used up"
        return done + [waiting(each.work.id, late) for each in ready[sent:]]

    def _turns(self, ready: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
        """Portions of what is ready, each when its turn has come; none once this process is to end."""
        rest = ready
        while rest and not self._stop:
            ids = [each.work.id for each in rest]
            allowed = self._reach.allowance(len(rest), _TURN_SECONDS)
            self._underway.moved(ids)
            taken = 0
            for portion in self._limiter.portions(rest[:allowed], _TURN_SECONDS, lambda: self._underway.moved(ids)):  # noqa: B023
                if self._stop:
                    return
                taken += len(portion)
                yield portion
            if not taken:
                return
            rest = rest[taken:]

    def _attempt(self, ready: Sequence[Prepared], *, probing: bool) -> list[Change]:
        """One attempt for each: begin, send, finish. Answers what was written."""
        wanted = [self._wanted(each) for each in ready]
        patience = self._patience([each.id for each in wanted], _LONG_PATIENCE_SECONDS)
        token = patience.run(self._attempts.token)
        not_after = time.monotonic() + self._lease_seconds / 2
        begin = patience.run(lambda: self._attempts.begin(token, wanted, self._lease_seconds, probing=probing))
        suppressed = [Change(id_, Status.SUPPRESSED) for id_ in begin.suppressed]
        if time.monotonic() > not_after:  # what an earlier try began may be unknown by now
            return suppressed + self._finish(token, [too_late(each.work) for each in ready])
        attempts = {each.id: each.attempt for each in begin.begun}
        ours = [each for each in ready if each.work.id in attempts]
        if not ours:
            return suppressed
        outcomes = self._ask(ours, attempts, not_after)
        changes = [
            after_send(each.work, told, each.route.retry, one_provider=self._channel.one_provider)
            for each, told in zip(ours, outcomes, strict=True)
        ]
        written = self._finish(token, changes)
        self._learn(outcomes, probing=probing)
        return suppressed + written

    @staticmethod
    def _wanted(prepared: Prepared) -> Wanted:
        route = prepared.route
        return Wanted(prepared.work.id, prepared.address, route.topic, route.transactional)

    def _learn(self, outcomes: Sequence[Outcome], *, probing: bool) -> None:
        """What the outcomes say of the provider; after finish, so that it delays no row."""
        if self._channel.one_provider:
            self._reach.learn(outcomes)
            if any(isinstance(each, Throttled) for each in outcomes):
                self._limiter.slow_down()
        try:
            self._gate.learn(outcomes, probing=probing)
        except DatabaseError as error:
            log.warning("the state of the channel could not be written", error=type(error).__name__)

    def _finish(self, token: UUID, changes: Sequence[Change]) -> list[Change]:
        """Answers those that were written."""
        patience = self._patience(
            [each.id for each in changes],
            _LONG_PATIENCE_SECONDS,
            again=lambda _: True,
            after_stop=_FINISH_SECONDS,
        )
        return _written(changes, patience.run(lambda: self._attempts.finish(token, changes)), patience)

    def _decide(self, changes: Sequence[Change]) -> list[Change]:
        """Answers those that were written."""
        patience = self._patience([each.id for each in changes])
        return _written(changes, patience.run(lambda: self._attempts.decide(changes)), patience)

    def _ask(self, ours: Sequence[Prepared], attempts: Mapping[UUID, int], not_after: float) -> list[Outcome]:
        ids = [each.work.id for each in ours]
        messages = [
            Message(each.work.id, attempts[each.work.id], each.request, each.content, not_after) for each in ours
        ]
        self._underway.moved(ids)
        try:
            outcomes = self._channel.send(messages)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  the channel broke its promise: the requests may have left
            log.error("the channel raised", error=type(error).__name__, trace=trace(error))  # noqa: TRY400
            return [Unknown(f"the channel raised {type(error).__name__}")] * len(ours)
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
