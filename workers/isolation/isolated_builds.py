"""Builds notifications whose worker died, each in a process of its own.

If the process dies, the worker survives, knows which notification caused it, and loses no other one.
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
from workers.decide import built_elsewhere, killed_worker, not_isolated
from workers.isolation.build_leases import BuildLeases
from workers.isolation.child import BuildNotBegun, BuildTimeout, Child, DiedDuringBuild, NotPicklable
from workers.isolation.pool import NoProcess, ProcessPool
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

MOST_DEATHS = 3
"""After this many deaths a notification fails."""
AT_ONCE = min(4, os.cpu_count() or 1)
"""Builds that may run concurrently."""
PROCESSES = 2 * AT_ONCE
"""Processes at most. Builds that are set aside because they are slow keep theirs."""
_TRIES = 3
"""How many processes that end before they begin to build are tried for a notification."""
_TURN_SECONDS = 30.0


class IsolatedBuilds:
    """The isolated builds of one channel in this worker. Safe to share between threads.

    Deaths are counted per notification: that of the worker which made it a suspect, then those of the processes that
    built it. `BuildLeases` keeps the latter in the database, and that a build is in progress, because a worker may
    die together with its process.
    """

    def __init__(
        self,
        start: Callable[[], Child],
        suspects: Suspects,
        preparer: Preparer,
        most_deaths: int = MOST_DEATHS,
        stop: Stop | None = None,
        on_death: Callable[[], None] = lambda: None,
    ) -> None:
        """`start` starts a process. `preparer` builds in this worker if no process can be started. `on_death` is
        called for each process that died during a build.
        """
        self._on_death = on_death
        self._processes = ProcessPool(start, PROCESSES)
        self._suspects = suspects
        self._preparer = preparer
        self._most_deaths = most_deaths
        self._leases = BuildLeases(suspects, Stop() if stop is None else stop)
        self._lock = threading.Lock()
        self._built: set[UUID] = set()
        self._turn = threading.Lock()
        self._in_worker: UUID | None = None

    def mark(self, ids: Sequence[UUID]) -> None:
        """Note that a worker died with the messages of these. They are built in isolation from now on."""
        self._suspects.mark(ids)

    def build(self, due: DueNotification, timeout: float) -> Prepared | Change:
        """Return the notification ready to be sent, or its change. `timeout`: seconds from when the build begins.

        Raise Unreachable if the database does not answer, or this process ends.
        """
        with self._lock:
            self._built.add(due.id)
        reason = ""
        tries = 0
        while tries < _TRIES:
            try:
                with self._processes.one() as child:
                    built = self._count_deaths(due, partial(self._in_process, child, due, timeout))
            except BuildNotBegun as error:
                tries, reason = tries + 1, str(error)
                log.warning(
                    "a process ended before it began to build",
                    notification=str(due.id),
                    route=due.route,
                    cause=reason,
                )
                continue
            except NoProcess as error:
                if error.none_starts:
                    return self._build_in_worker(due, str(error))
                return not_isolated(due, str(error))
            if built is not None:
                return built
        return not_isolated(due, reason)

    def ended(self, ids: Iterable[UUID]) -> None:
        """Note that the changes of these are written. Those whose delivery is final are no suspects any more."""
        if not self._built:
            return
        with self._lock:
            ended = self._built.intersection(ids)
            self._built -= ended
        if ended:
            try:
                self._suspects.clear(ended)
            except DatabaseError as error:
                log.warning("suspects that have ended stay in the table for a week", reason=cause(error))

    def leave(self) -> None:
        """The process ends: what it builds is written as interrupted, which is no death."""
        self._leases.leave()

    def in_worker(self, id_: UUID) -> bool:
        """Return whether the worker itself builds it now, because no process can be started."""
        return self._in_worker == id_

    def _count_deaths(self, due: DueNotification, build: Callable[[], Prepared | Change]) -> Prepared | Change | None:
        """Call `build` under a lease. If its process dies count that, and return None if it may be tried again."""
        begun = self._leases.begin(due.id)
        if begun is None:
            return built_elsewhere(due.id)
        deaths, died_of = 1 + begun, "its last worker died without a known cause"
        try:
            if deaths < self._most_deaths:
                return build()
        except DiedDuringBuild as death:
            deaths, died_of = deaths + 1, str(death)
            self._on_death()
            log.warning("a process died of a route", notification=str(due.id), route=due.route, cause=died_of)
        finally:
            self._leases.end(due.id, deaths - 1)
        if deaths < self._most_deaths:
            return None
        log.error("ALARM: a route kills its worker", notification=str(due.id), route=due.route, cause=died_of)
        return killed_worker(due, deaths, died_of)

    def _in_process(self, child: Child, due: DueNotification, timeout: float) -> Prepared | Change:
        """Raise BuildNotBegun or DiedDuringBuild."""
        try:
            built = child.build(due, timeout)
        except BuildTimeout:
            child.kill()
            return self._preparer.not_built(due, True)
        except NotPicklable:  # its process survived the build, so this worker will
            return self._preparer.prepare(due)
        if isinstance(built, Change):
            return built
        return Prepared(
            due,
            built.request,
            built.content,
            self._preparer.route(due),
            built.address,
            original=built.original,
            template=built.template,
            further=built.further,
        )

    def _build_in_worker(self, due: DueNotification, reason: str) -> Prepared | Change:
        """Build it here, one at a time: if the worker dies, its lease shows which notification it built."""
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            return not_isolated(due, reason)
        try:
            log.warning(
                "no process can be started: this worker builds",
                notification=str(due.id),
                route=due.route,
                reason=reason,
            )
            self._in_worker = due.id
            return self._count_deaths(due, partial(self._preparer.prepare, due)) or not_isolated(due, reason)
        finally:
            self._in_worker = None
            self._turn.release()
