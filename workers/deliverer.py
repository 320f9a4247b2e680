"""Delivers units of notifications: load the rows, build and render, send.

What is built is sent while the slow builds of the same unit go on.
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from uuid import UUID

from celery_units.unfinished import Unfinished
from notifier.outbox import Change, DueNotification
from workers.building.builder import Builder
from workers.building.collector import Collector
from workers.building.preparer import Prepared
from workers.building.set_aside import SetAside, UnitAside
from workers.collaborators import Collaborators
from workers.decide import left_pending
from workers.process.database_retry import DatabaseRetry
from workers.process.stop import Stopped
from workers.sending.outgoing import Outgoing

Done = dict[UUID, Change | Unfinished]
"""What happened to each notification of a unit."""


class Deliverer:
    """Delivers units on one channel. Once `stop` is set it begins nothing; requests being made are finished."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._attempts = collaborators.attempts
        self._in_progress = collaborators.in_progress
        self._account = collaborators.account
        self._stop = collaborators.stop
        self._count = collaborators.count
        self._collector = (
            Collector(collaborators.digests, collaborators.attempts, collaborators.routes)
            if collaborators.digests
            else None
        )
        self._builder = Builder(
            collaborators.preparer,
            collaborators.in_progress,
            collaborators.stop,
            collaborators.memory,
            collaborators.isolated,
        )
        self._outgoing = Outgoing(collaborators, self._collector, self._builder.ended)
        self._set_aside: SetAside[Prepared | Change] | None = SetAside() if collaborators.sets_aside else None
        self._retry = collaborators.retry

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> Done:
        """Send those of the notifications that are pending. Return what happened to each.

        An id that is missing in the answer was not pending, or is in progress elsewhere. A `LeftPending` stays
        pending in the database, and the relay publishes it again. An id with an `Unfinished` is to be delivered again
        once that has ended: its build is slow, or it is a suspect among others.

        `suspects`: the messages were lost with a worker that died. Each is built in a process of its own, which may
        crash. The database remembers them, because a message that is published again has no mark.

        Raise Unreachable if the database does not answer: calling again later loses nothing. Raise Stopped if this
        process is to end.
        """
        done: Done = {}
        if built := self._set_aside.take(ids) if self._set_aside else {}:
            try:
                done |= _by_id(self._outgoing.send(list(built.values()), probing=False))
            finally:
                self._forget(built, done)
                self._in_progress.release(built)
        with self._in_progress.hold([id_ for id_ in ids if id_ not in built] if built else ids) as taken:
            try:
                if taken and not self._stop.is_set():
                    done |= self._deliver(taken, suspects=suspects)
            finally:
                self._forget(taken, done)
        if self._stop.is_set() and (left := {*built, *taken}.difference(done)):
            raise Stopped(done, left)
        return done

    def leave(self) -> None:
        """The process ends: what it builds now is written as interrupted, not as killed by its build."""
        self._builder.leave()

    def build_threads(self) -> dict[str, int]:
        """Return how many threads build, how many of them hang, and how many slow builds are set aside."""
        alive, hanging = self._builder.threads()
        return {"alive": alive, "hanging": hanging, "aside": self._set_aside.count() if self._set_aside else 0}

    def _deliver(self, ids: Sequence[UUID], *, suspects: bool) -> Done:
        retry = self._retry(ids)
        if suspects:
            retry.run(lambda: self._builder.mark(ids))
        due = retry.run(lambda: self._attempts.load(ids))
        if not due:
            return self._probe(ids, retry, suspects=suspects)
        due, done = self._collect(due, retry)
        if suspects:
            return done | self._build_and_send(due, suspects=True)
        return done | self._deliver_suspects_last(due, [each for each in due if each.suspect])

    def _probe(self, ids: Sequence[UUID], retry: DatabaseRetry, *, suspects: bool) -> Done:
        """Nothing of these is to be sent now. If that is because the channel is parked or paused, they stay pending,
        but for the one that a parked channel sends when its probe is due.
        """
        reason = retry.run(self._account.closed)
        if reason is None:
            return {}
        due, done = self._collect(retry.run(lambda: self._attempts.load(ids, probing=True)), retry)
        probe = due[:1]
        if probe and not retry.run(self._account.probe):
            probe = []
        suspects = suspects or any(each.suspect for each in probe)
        sent = self._build_and_send(probe, suspects=suspects, probing=True)
        return {id_: left_pending(id_, reason) for id_ in ids} | done | sent

    def _collect(self, due: list[DueNotification], retry: DatabaseRetry) -> tuple[list[DueNotification], Done]:
        """Return those that are to be built now, and the changes of the others, which are written."""
        if not (due and self._collector):
            return due, {}
        found = self._collector.collect(due, retry)
        failed = self._outgoing.decide(found.failed)
        if self._count:
            self._count(failed, built=False)
        return found.due, _by_id([*found.waiting, *failed])

    def _forget(self, ids: Iterable[UUID], done: Done) -> None:
        if self._collector:
            self._collector.forget(ids, done)

    def _deliver_suspects_last(self, due: Sequence[DueNotification], suspects: Sequence[DueNotification]) -> Done:
        """Deliver the others first: suspects are slow. Celery's consumer makes a unit of its own of them."""
        if not suspects:
            return self._build_and_send(due, suspects=False)
        done = self._build_and_send([each for each in due if not each.suspect], suspects=False)
        if self._stop.is_set():
            return done
        if self._set_aside is None:
            return done | self._build_and_send(suspects, suspects=True)
        return done | {each.id: Unfinished(suspects=True) for each in suspects}

    def _build_and_send(self, due: Sequence[DueNotification], *, suspects: bool, probing: bool = False) -> Done:
        done: Done = {}
        aside = None if self._set_aside is None or probing else UnitAside(self._set_aside)
        batches = self._batches(due, aside, suspects=suspects)
        try:
            with closing(batches):
                for batch in batches:
                    done |= _by_id(self._outgoing.send(batch, probing=probing))
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


def _by_id(changes: Sequence[Change]) -> Done:
    return {each.id: each for each in changes}
