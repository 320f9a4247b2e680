"""A unit of notifications on its way to people: load, build, render, wait for its turn, begin, send, finish.

Everything slow or fallible that is not the request itself comes before begin, so that an attempt whose outcome could
be unknown is as short as the request. What is built is sent without waiting for what is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import structlog

from celery_units.later import Later
from notifier.channels import Channel
from notifier.database.errors import DatabaseError
from notifier.messages import Message
from notifier.notifications import Status
from notifier.outbox import Attempts, Change, DueNotification, Recipient
from notifier.outcomes import Outcome, Throttled, Unknown
from notifier.process.clock import boottime
from notifier.process.memory_budget import MemoryBudget
from notifier.routes import Routes
from notifier.telemetry import trace
from notifier.templates import Templates
from workers.building.aside import SetAside, UnitAside
from workers.building.builder import Builder
from workers.building.preparer import Prepared, Preparer
from workers.decide import LeftPending, after_send, goes_back, too_late, waiting
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.process.database_retry import DatabaseRetry, written
from workers.process.in_progress import InProgress
from workers.process.stop import Stop, Stopped
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.sending.reachability import Reachability
from workers.tally import Count

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 30.0
_LONG_PATIENCE_SECONDS = 600.0  # we know what happened: worth waiting for the database to come back
_TURN_SECONDS = 45.0  # for the rate, or for a provider that does not answer; less than the broker's visibility
_FINISH_SECONDS = 20.0
"""How long a worker that is to end waits for the database to take the outcome of a request that has been sent."""


class Deliverer:
    """Delivers units on one channel. Once `stop` is set it begins nothing, and ends after the request under way."""

    def __init__(
        self,
        attempts: Attempts,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        lease_seconds: float,
        underway: InProgress,
        gate: AccountState,
        limiter: TokenBucket,
        stop: Stop | None = None,
        *,
        room: MemoryBudget | None = None,
        sets_aside: bool = False,
        alone: IsolatedBuilds | None = None,
        count: Count | None = None,
    ) -> None:
        """`sets_aside`: a unit does not wait for slow builds, and whoever calls `deliver` knows `Later`. Without
        `alone` what killed a worker is built like all else. `count` is told what was written.
        """
        self._attempts = attempts
        self._channel = channel
        self._lease_seconds = lease_seconds
        self._underway = underway
        self._gate = gate
        self._limiter = limiter
        self._stop = Stop() if stop is None else stop
        self._reach = Reachability(stop=self._stop)
        preparation = Preparer(channel, routes, templates)
        self._building = Builder(preparation, underway, self._stop, room, alone)
        self._count = count
        self._set_aside: SetAside[Prepared | Change] | None = SetAside() if sets_aside else None

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> dict[UUID, Change | Later]:
        """Send what is pending among these; answers what became of each. Ids that it leaves out were not ours.

        `suspects` were in the hands of a worker that died: each is built alone, in a process that may die of it. The
        database remembers them, for what is published again says nothing of it.

        What has to wait for the channel stays pending: the relay publishes it again. An id with a `Later` is to be
        delivered again when that has ended: its build is slow, or it is a suspect among others. Raises Unreachable
        where the database stays away; nothing is lost by calling again. Raises Stopped where this process is to end.
        """
        done: dict[UUID, Change | Later] = {}
        if built := self._set_aside.take(ids) if self._set_aside else {}:
            try:
                done |= _by_id(self._settle(list(built.values()), probing=False))
            finally:
                self._underway.release(built)
        with self._underway.hold([id_ for id_ in ids if id_ not in built]) as taken:
            if taken and not self._stop.is_set():
                done |= self._deliver(taken, suspects=suspects)
            left = {*built, *taken}.difference(done)
        if left and self._stop.is_set():
            raise Stopped(done, left)
        return done

    def leave(self) -> None:
        """The process ends: what it is building does not count as killed by its build."""
        self._building.leave()

    def _deliver(self, ids: Sequence[UUID], *, suspects: bool) -> dict[UUID, Change | Later]:
        patience = self._patience(ids)
        if suspects:
            patience.run(lambda: self._building.mark(ids))
        if works := patience.run(lambda: self._attempts.load(ids)):
            if suspects:
                return self._work(works, suspects=True)
            return self._apart(works, [each for each in works if each.suspect])
        reason = patience.run(self._gate.closed)
        if reason is None:
            return {}
        probes = patience.run(lambda: self._attempts.load(ids, probing=True))[:1]
        if not (bool(probes) and patience.run(self._gate.probe)):
            probes = []
        changes = self._work(probes, suspects=suspects or any(each.suspect for each in probes), probing=True)
        return {id_: waiting(id_, reason) for id_ in ids} | changes

    def _apart(
        self, works: Sequence[DueNotification], marked: Sequence[DueNotification]
    ) -> dict[UUID, Change | Later]:
        """What is marked goes to a unit of its own, where somebody makes one of it: it is slow."""
        if not marked:
            return self._work(works, suspects=False)
        done = self._work([each for each in works if not each.suspect], suspects=False)
        if self._stop.is_set():
            return done
        if self._set_aside is None:
            return done | self._work(marked, suspects=True)
        return done | {each.id: Later(suspects=True) for each in marked}

    def _work(
        self,
        works: Sequence[DueNotification],
        *,
        suspects: bool,
        probing: bool = False,
    ) -> dict[UUID, Change | Later]:
        done: dict[UUID, Change | Later] = {}
        aside = None if self._set_aside is None or probing else UnitAside(self._set_aside)
        portions = self._building.portions(works, self._fill, aside, suspects=suspects)
        try:
            with closing(portions):
                for portion in portions:
                    done |= _by_id(self._settle(portion, probing=probing))
        except BaseException:
            if aside:
                self._underway.release(aside.forget())
            raise
        if aside and self._stop.is_set():
            self._underway.release(aside.forget())
        elif aside:
            done |= aside.expected
        return done

    def _fill(self, works: Sequence[DueNotification]) -> list[DueNotification]:
        return self._patience([each.id for each in works]).run(lambda: self._attempts.fill(works))

    def _settle(self, prepared: Sequence[Prepared | Change], *, probing: bool) -> list[Change]:
        decided = [each for each in prepared if isinstance(each, Change)]
        ready = [each for each in prepared if isinstance(each, Prepared)]
        left: list[Change] = [each for each in decided if isinstance(each, LeftPending)]
        if left:
            decided = [each for each in decided if not isinstance(each, LeftPending)]
        changes, sent = self._decide(decided), self._send(ready, probing=probing)
        self._building.ended(prepared)
        if self._count:
            self._count(changes, built=False)
            self._count(sent, built=True)
        return left + changes + sent

    def _patience(self, ids: Sequence[UUID], seconds: float = _PATIENCE_SECONDS, **options: Any) -> DatabaseRetry:
        return DatabaseRetry(seconds, waiting=lambda: self._underway.moved(ids), stop=self._stop, **options)

    def _send(self, ready: Sequence[Prepared], *, probing: bool) -> list[Change]:
        done: list[Change] = []
        sent = 0
        for portion in self._turns(ready):
            sent += len(portion)
            done += self._attempt(portion, probing=probing)
        if self._stop.is_set():
            return done
        late = "the provider does not answer, or its rate is used up"
        return done + [waiting(each.work.id, late) for each in ready[sent:]]

    def _turns(self, ready: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
        """Portions of what is ready, each when its turn has come; none once this process is to end."""
        rest = ready
        while rest and not self._stop.is_set():
            ids = [each.work.id for each in rest]
            allowed = self._reach.allowance(len(rest), _TURN_SECONDS)
            self._underway.moved(ids)
            taken = 0
            for portion in self._limiter.portions(rest[:allowed], _TURN_SECONDS, lambda: self._underway.moved(ids)):  # noqa: B023
                if self._stop.is_set():
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
        not_after = boottime() + self._lease_seconds / 2
        begin = patience.run(lambda: self._attempts.begin(token, wanted, self._lease_seconds, probing=probing))
        suppressed = _suppressed(ready, begin.suppressed)
        if boottime() > not_after:  # what an earlier try began may be unknown by now
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
        return suppressed + [each for each in written if not goes_back(each)]

    @staticmethod
    def _wanted(prepared: Prepared) -> Recipient:
        route = prepared.route
        return Recipient(prepared.work.id, prepared.address, route.topic, route.transactional)

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
        return written(changes, patience.run(lambda: self._attempts.finish(token, changes)), patience)

    def _decide(self, changes: Sequence[Change]) -> list[Change]:
        """Answers those that were written."""
        patience = self._patience([each.id for each in changes])
        return written(changes, patience.run(lambda: self._attempts.decide(changes)), patience)

    def _ask(self, ours: Sequence[Prepared], attempts: Mapping[UUID, int], not_after: float) -> list[Outcome]:
        ids = [each.work.id for each in ours]
        ends = self._stop.is_set
        messages = [
            Message(each.work.id, attempts[each.work.id], each.request, each.content, not_after, ends)
            for each in ours
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


def _suppressed(ready: Sequence[Prepared], ids: Sequence[UUID]) -> list[Change]:
    if not ids:
        return []
    routes = {each.work.id: each.work.route for each in ready}
    return [Change(id_, Status.SUPPRESSED, route=routes[id_]) for id_ in ids]


def _by_id(changes: Sequence[Change]) -> dict[UUID, Change | Later]:
    return {each.id: each for each in changes}
