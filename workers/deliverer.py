"""Delivers units of notifications: load the rows, build and render, send.

What is built is sent while the slow builds of the same unit go on.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from uuid import UUID

from celery_units.later import Later
from notifier.channels import Channel
from notifier.outbox import Attempts, Change, DueNotification
from notifier.process.memory_budget import MemoryBudget
from notifier.routes import Routes
from notifier.templates import Templates
from workers.building.builder import Builder
from workers.building.preparer import Prepared, Preparer
from workers.building.set_aside import SetAside, UnitAside
from workers.decide import LeftPending, left_pending
from workers.isolation.isolated_builds import IsolatedBuilds
from workers.process.database_retry import DatabaseRetry, written
from workers.process.in_progress import InProgress
from workers.process.stop import Stop, Stopped
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.sending.sender import Sender
from workers.tally import Count

_RETRY_SECONDS = 30.0


class Deliverer:
    """Delivers units on one channel. Once `stop` is set it begins nothing; requests being made are finished."""

    def __init__(
        self,
        attempts: Attempts,
        channel: Channel,
        routes: Routes,
        templates: Templates,
        lease_seconds: float,
        in_progress: InProgress,
        account: AccountState,
        bucket: TokenBucket,
        stop: Stop | None = None,
        *,
        memory: MemoryBudget | None = None,
        sets_aside: bool = False,
        isolated: IsolatedBuilds | None = None,
        count: Count | None = None,
    ) -> None:
        """With `sets_aside`, a unit does not wait for slow builds, and the caller of `deliver` handles `Later`.
        Without `isolated`, what killed a worker is built like everything else. `count` is called with what was
        written.
        """
        self._attempts = attempts
        self._in_progress = in_progress
        self._account = account
        self._stop = Stop() if stop is None else stop
        self._sender = Sender(attempts, channel, lease_seconds, in_progress, account, bucket, self._stop)
        self._builder = Builder(Preparer(channel, routes, templates), in_progress, self._stop, memory, isolated)
        self._count = count
        self._set_aside: SetAside[Prepared | Change] | None = SetAside() if sets_aside else None

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> dict[UUID, Change | Later]:
        """Send those of the notifications that are pending. Return what happened to each.

        An id that is missing in the answer was not pending, or is in progress elsewhere. A `LeftPending` stays
        pending in the database, and the relay publishes it again. An id with a `Later` is to be delivered again once
        that has ended: its build is slow, or it is a suspect among others.

        `suspects`: the messages were lost with a worker that died. Each is built in a process of its own, which may
        crash. The database remembers them, because a message that is published again has no mark.

        Raise Unreachable if the database does not answer: calling again later loses nothing. Raise Stopped if this
        process is to end.
        """
        done: dict[UUID, Change | Later] = {}
        if built := self._set_aside.take(ids) if self._set_aside else {}:
            try:
                done |= _by_id(self._write_and_send(list(built.values()), probing=False))
            finally:
                self._in_progress.release(built)
        with self._in_progress.hold([id_ for id_ in ids if id_ not in built]) as taken:
            if taken and not self._stop.is_set():
                done |= self._deliver(taken, suspects=suspects)
            left = {*built, *taken}.difference(done)
        if left and self._stop.is_set():
            raise Stopped(done, left)
        return done

    def leave(self) -> None:
        """The process ends: what it builds now is written as interrupted, not as killed by its build."""
        self._builder.leave()

    def build_threads(self) -> dict[str, int]:
        """Return how many threads build, how many of them hang, and how many slow builds are set aside."""
        alive, hanging = self._builder.threads()
        return {"alive": alive, "hanging": hanging, "aside": self._set_aside.count() if self._set_aside else 0}

    def _deliver(self, ids: Sequence[UUID], *, suspects: bool) -> dict[UUID, Change | Later]:
        retry = self._retry(ids)
        if suspects:
            retry.run(lambda: self._builder.mark(ids))
        if due := retry.run(lambda: self._attempts.load(ids)):
            if suspects:
                return self._build_and_send(due, suspects=True)
            return self._deliver_suspects_last(due, [each for each in due if each.suspect])
        reason = retry.run(self._account.closed)
        if reason is None:
            return {}
        probes = retry.run(lambda: self._attempts.load(ids, probing=True))[:1]
        if not (bool(probes) and retry.run(self._account.probe)):
            probes = []
        suspects = suspects or any(each.suspect for each in probes)
        changes = self._build_and_send(probes, suspects=suspects, probing=True)
        return {id_: left_pending(id_, reason) for id_ in ids} | changes

    def _deliver_suspects_last(
        self, due: Sequence[DueNotification], suspects: Sequence[DueNotification]
    ) -> dict[UUID, Change | Later]:
        """Deliver the others first: suspects are slow. Celery's consumer makes a unit of its own of them."""
        if not suspects:
            return self._build_and_send(due, suspects=False)
        done = self._build_and_send([each for each in due if not each.suspect], suspects=False)
        if self._stop.is_set():
            return done
        if self._set_aside is None:
            return done | self._build_and_send(suspects, suspects=True)
        return done | {each.id: Later(suspects=True) for each in suspects}

    def _build_and_send(
        self, due: Sequence[DueNotification], *, suspects: bool, probing: bool = False
    ) -> dict[UUID, Change | Later]:
        done: dict[UUID, Change | Later] = {}
        aside = None if self._set_aside is None or probing else UnitAside(self._set_aside)
        batches = self._batches(due, aside, suspects=suspects)
        try:
            with closing(batches):
                for batch in batches:
                    done |= _by_id(self._write_and_send(batch, probing=probing))
        except BaseException:
            if aside:
                self._in_progress.release(aside.forget())
            raise
        if aside and self._stop.is_set():
            self._in_progress.release(aside.forget())
        elif aside:
            done |= aside.expected
        return done

    def _batches(
        self, due: Sequence[DueNotification], aside: UnitAside[Prepared | Change] | None, *, suspects: bool
    ) -> Generator[list[Prepared | Change], None, None]:
        return self._builder.batches(due, self._load_records, aside, suspects=suspects)

    def _load_records(self, due: Sequence[DueNotification]) -> list[DueNotification]:
        return self._retry([each.id for each in due]).run(lambda: self._attempts.load_large_records(due))

    def _write_and_send(self, prepared: Sequence[Prepared | Change], *, probing: bool) -> list[Change]:
        """Write what is decided without a request, and send the rest."""
        ready = [each for each in prepared if isinstance(each, Prepared)]
        left: list[Change] = [each for each in prepared if isinstance(each, LeftPending)]
        decided = [each for each in prepared if isinstance(each, Change) and not isinstance(each, LeftPending)]
        changes, sent = self._decide(decided), self._sender.send(ready, probing=probing)
        self._builder.ended(prepared)
        if self._count:
            self._count(changes, built=False)
            self._count(sent, built=True)
        return left + changes + sent

    def _decide(self, changes: Sequence[Change]) -> list[Change]:
        """Return those that were written."""
        retry = self._retry([each.id for each in changes])
        return written(changes, retry.run(lambda: self._attempts.decide(changes)), retry)

    def _retry(self, ids: Sequence[UUID]) -> DatabaseRetry:
        return DatabaseRetry(_RETRY_SECONDS, on_retry=lambda: self._in_progress.touch(ids), stop=self._stop)


def _by_id(changes: Sequence[Change]) -> dict[UUID, Change | Later]:
    return {each.id: each for each in changes}
