"""Notifications whose worker died are built one at a time, each in a process that may die of it.

The worker lives on when that process does, so it knows which notification was at fault, and loses no other one.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from uuid import UUID

import structlog

from notifier.database.errors import DatabaseError, cause
from notifier.outbox import Change, DueNotification, Suspects
from workers.building.preparer import Prepared, Preparer
from workers.decide import elsewhere, lost, not_isolated
from workers.isolation.build_leases import BuildLeases
from workers.isolation.child import BuildNotBegun, BuildTimeout, Child, DiedDuringBuild, NotPicklable
from workers.isolation.pool import NoProcess, ProcessPool
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

LOSSES = 3
"""After so many deaths a notification fails."""
AT_ONCE = min(4, os.cpu_count() or 1)
"""How many build at once."""
PROCESSES = 2 * AT_ONCE
"""At most: those that are slow have as many again."""
_TRIES = 3
"""With processes that end before they begin."""
_TURN_SECONDS = 30.0


class IsolatedBuilds:
    """What one channel of this worker builds alone. Safe to share between threads.

    `losses` counts the death that made a notification a suspect, then those of the processes that built it alone.
    `BuildLeases` has the number of the latter in the database, and that a build is under way: a worker may die
    together with its process.
    """

    def __init__(
        self,
        start: Callable[[], Child],
        suspects: Suspects,
        preparation: Preparer,
        losses: int = LOSSES,
        stop: Stop | None = None,
    ) -> None:
        self._processes = ProcessPool(start, PROCESSES)
        self._suspects = suspects
        self._preparation = preparation
        self._most = losses
        self._losses = BuildLeases(suspects, Stop() if stop is None else stop)
        self._lock = threading.Lock()
        self._built: set[UUID] = set()
        self._turn = threading.Lock()
        self._in_worker: UUID | None = None

    def mark(self, ids: Sequence[UUID]) -> None:
        """A worker was lost with the messages of these: they are built alone, whatever message brings them."""
        self._suspects.mark(ids)

    def build(self, work: DueNotification, timeout: float) -> Prepared | Change:
        """What the route makes of it. Raises Unreachable where the database stays away, or this process ends."""
        with self._lock:
            self._built.add(work.id)
        reason = ""
        tries = 0
        while tries < _TRIES:
            try:
                with self._processes.one() as child:
                    built = self._count(work, partial(self._in_process, child, work, timeout))
            except BuildNotBegun as gone:
                tries, reason = tries + 1, str(gone)
                log.warning("a process ended before it began to build", notification=str(work.id), cause=reason)
                continue
            except NoProcess as error:
                if error.fruitless:
                    return self._build_in_worker(work, str(error))
                return not_isolated(work, str(error))
            if built is not None:
                return built
        return not_isolated(work, reason)

    def ended(self, ids: Iterable[UUID]) -> None:
        """What became of these is written. Those that were built alone and are final are no suspects any more."""
        if not self._built:
            return
        with self._lock:
            ended = self._built.intersection(ids)
            self._built -= ended
        if ended:
            try:
                self._suspects.clear(ended)
            except DatabaseError as error:
                log.warning("suspects that are none any more stay in the table for a week", reason=cause(error))

    def leave(self) -> None:
        """The process ends: what it is building is written as broken off, which is no death."""
        self._losses.leave()

    def in_worker(self, id_: UUID) -> bool:
        """Whether the worker itself builds it now, because no process comes up."""
        return self._in_worker == id_

    def _count(self, work: DueNotification, build: Callable[[], Prepared | Change]) -> Prepared | Change | None:
        """Build it so that a death is counted. None where it may be tried again. Raises what `build` raises."""
        begun = self._losses.begin(work.id)
        if begun is None:
            return elsewhere(work.id)
        deaths, died_of = 1 + begun, "its last worker died before it could say how"
        try:
            if deaths < self._most:
                return build()
        except DiedDuringBuild as death:
            deaths, died_of = deaths + 1, str(death)
            log.warning("a process died of a route", notification=str(work.id), route=work.route, cause=died_of)
        finally:
            self._losses.end(work.id, deaths - 1)
        if deaths < self._most:
            return None
        log.error("ALARM: a route kills its worker", notification=str(work.id), route=work.route, cause=died_of)
        return lost(work, deaths, died_of)

    def _in_process(self, child: Child, work: DueNotification, timeout: float) -> Prepared | Change:
        """Raises Gone and Died."""
        try:
            built = child.build(work, timeout)
        except BuildTimeout:
            child.kill()
            return self._preparation.not_built(work, True)
        except NotPicklable:  # it was built, and its process lives: so will this one
            return self._preparation.prepare(work)
        if isinstance(built, Change):
            return built
        return Prepared(work, built.request, built.content, self._preparation.route(work), built.address)

    def _build_in_worker(self, work: DueNotification, reason: str) -> Prepared | Change:
        """One at a time: should the worker die, it is known of what."""
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            return not_isolated(work, reason)
        try:
            log.warning("no process comes up: this worker builds it itself", notification=str(work.id), reason=reason)
            self._in_worker = work.id
            return self._count(work, partial(self._preparation.prepare, work)) or not_isolated(work, reason)
        finally:
            self._in_worker = None
            self._turn.release()
