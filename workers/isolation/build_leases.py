"""Leases in the database for the isolated builds of this process: if it dies, they show which build it died of."""

import threading
from uuid import UUID, uuid4

import structlog

from notifier.database.errors import DatabaseError, cause
from notifier.errors import Unreachable
from notifier.outbox import SuspectBuild, Suspects
from workers.process.database_retry import DatabaseRetry
from workers.process.starting import try_to_start
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

LEASE_SECONDS = 90.0
"""After this, the builds of a process that died count as deaths."""
KEEP_SECONDS = 15.0
_RETRY_SECONDS = 30.0
_LEAVE_SECONDS = 3.0


class BuildLeases:
    """The leases of one process. Safe to share between threads.

    A thread prolongs the leases of the builds in progress, and repeats the ends that could not be written.
    """

    def __init__(self, suspects: Suspects, stop: Stop) -> None:
        self._suspects = suspects
        self._stop = stop
        self._process = uuid4()
        self._changed = threading.Condition()
        self._beginning = 0
        self._running: dict[UUID, int] = {}
        self._ended: dict[UUID, int] = {}
        """Deaths by notification: of the builds in progress, and of those whose end is not written yet."""
        self._left = False
        self._timer: threading.Timer | None = None

    def begin(self, id_: UUID) -> int | None:
        """Take the lease of a build. Return how many processes died of isolated builds of this notification.

        None if another process builds it. Raise Unreachable if the database does not answer or this process ends.
        """
        with self._changed:
            if self._left:
                raise Unreachable("this worker ends")
            self._beginning += 1
        retry = DatabaseRetry(_RETRY_SECONDS, stop=self._stop)
        try:
            found = retry.run(lambda: self._suspects.begin(id_, self._process, LEASE_SECONDS))
        except BaseException:
            self._begun(id_, 0, self._ended)  # the lease may be taken, with the answer lost
            raise
        if found is None:
            self._begun(id_, 0, {})
            return None
        return self._begun(id_, found, self._running)

    def _begun(self, id_: UUID, found: int, to: dict[UUID, int]) -> int:
        """Note the deaths in `to`, and return them. Raise Unreachable if this process ends meanwhile."""
        with self._changed:
            self._beginning -= 1
            self._changed.notify_all()
            deaths = max(self._ended.pop(id_, 0), found)
            left = self._left and to is self._running
            (self._ended if left else to)[id_] = deaths
            self._watch()
        if left:
            self._write(self._ends())
            raise Unreachable("this worker ends")
        return deaths

    def end(self, id_: UUID, deaths: int) -> None:
        """The build has ended. `deaths`: of all isolated builds of this notification."""
        with self._changed:
            if self._running.pop(id_, None) is None:  # `leave` has written its end
                return
            self._ended[id_] = deaths
            self._watch()
        self._write([SuspectBuild(id_, deaths, ended=True)])

    def leave(self) -> None:
        """The process ends: write the builds in progress as ended, without a death. None begins after this."""
        with self._changed:
            self._left = True
            self._changed.wait_for(lambda: not self._beginning, _LEAVE_SECONDS)
            self._ended |= self._running
            self._running.clear()
            if not self._ended:
                return
        try:
            DatabaseRetry(_LEAVE_SECONDS).run(lambda: self._keep(self._ends()))
        except (DatabaseError, Unreachable) as error:
            log.warning("builds that a stop interrupted count as deaths", count=len(self._ended), reason=str(error))

    def _ends(self) -> list[SuspectBuild]:
        with self._changed:
            return [SuspectBuild(id_, deaths, ended=True) for id_, deaths in self._ended.items()]

    def _write(self, builds: list[SuspectBuild]) -> None:
        """Write them. If the database does not answer, the next `_prolong` does."""
        try:
            self._keep(builds)
        except DatabaseError as error:
            log.warning("the end of an isolated build could not be written yet", reason=cause(error))

    def _keep(self, builds: list[SuspectBuild]) -> None:
        if not builds:
            return
        self._suspects.keep(self._process, builds, LEASE_SECONDS)
        with self._changed:
            for each in builds:
                if each.ended and self._ended.get(each.id) == each.deaths:
                    del self._ended[each.id]

    def _watch(self) -> None:
        """Start a timer that prolongs the leases, unless there is one. The lock is held.

        If no thread can be started for it, the next build that begins or ends tries again.
        """
        if self._timer is None and (self._running or self._ended):
            timer = threading.Timer(KEEP_SECONDS, self._prolong)
            timer.daemon = True
            if try_to_start(timer, "the leases of isolated builds are not prolonged yet"):
                self._timer = timer

    def _prolong(self) -> None:
        """Prolong the leases until there are none, in one thread: it might not be possible to start another."""
        while True:
            with self._changed:
                running = [SuspectBuild(id_, deaths, ended=False) for id_, deaths in self._running.items()]
            self._write(running + self._ends())
            with self._changed:
                timer = self._timer
                if timer is None or not (self._running or self._ended):
                    self._timer = None
                    return
            if timer.finished.wait(KEEP_SECONDS):  # cancelled
                return
