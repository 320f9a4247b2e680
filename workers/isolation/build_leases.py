"""What this process builds alone, as it stands in the database: whoever comes after it knows what it died of."""

import threading
from uuid import UUID, uuid4

import structlog

from notifier.database.errors import DatabaseError, cause
from notifier.errors import Unreachable
from notifier.outbox import SuspectBuild, Suspects
from workers.process.database_retry import DatabaseRetry
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

LEASE_SECONDS = 90.0
"""After this the builds of a process that died count as deaths."""
KEEP_SECONDS = 15.0
_PATIENCE_SECONDS = 30.0
_LEAVE_SECONDS = 3.0


class BuildLeases:
    """The builds alone of one process, under its lease. Safe to share between threads.

    A thread prolongs the lease of what is under way, and repeats the ends that the database did not take.
    """

    def __init__(self, suspects: Suspects, stop: Stop) -> None:
        self._suspects = suspects
        self._stop = stop
        self._process = uuid4()
        self._changed = threading.Condition()
        self._beginning = 0
        self._under_way: dict[UUID, int] = {}
        self._ended: dict[UUID, int] = {}
        """Deaths by notification: of those under way, and of those whose end is not written yet."""
        self._left = False
        self._timer: threading.Timer | None = None

    def begin(self, id_: UUID) -> int | None:
        """A build begins: return how many deaths its builds alone have cost; None where another process is at it.

        Raises Unreachable where the database stays away or this process ends.
        """
        with self._changed:
            if self._left:
                raise Unreachable("this worker ends")
            self._beginning += 1
        patience = DatabaseRetry(_PATIENCE_SECONDS, stop=self._stop)
        try:
            found = patience.run(lambda: self._suspects.begin(id_, self._process, LEASE_SECONDS))
        except BaseException:
            self._come(id_, 0, to=self._ended)  # its answer may have been lost
            raise
        if found is None:
            self._come(id_, 0, to={})
            return None
        return self._come(id_, found, to=self._under_way)

    def _come(self, id_: UUID, found: int, *, to: dict[UUID, int]) -> int:
        """The database has answered, or has not. Raises Unreachable where this process ends meanwhile."""
        with self._changed:
            self._beginning -= 1
            self._changed.notify_all()
            deaths = max(self._ended.pop(id_, 0), found)
            left = self._left and to is self._under_way
            (self._ended if left else to)[id_] = deaths
            self._watch()
        if left:
            self._write(self._ends())
            raise Unreachable("this worker ends")
        return deaths

    def end(self, id_: UUID, deaths: int) -> None:
        """Its build has ended, after so many deaths in all."""
        with self._changed:
            if self._under_way.pop(id_, None) is None:  # it was left
                return
            self._ended[id_] = deaths
        self._write([SuspectBuild(id_, deaths, ended=True)])

    def leave(self) -> None:
        """The process ends: what it has under way is written as ended, without a death. Nothing begins any more."""
        with self._changed:
            self._left = True
            self._changed.wait_for(lambda: not self._beginning, _LEAVE_SECONDS)
            self._ended |= self._under_way
            self._under_way.clear()
            if not self._ended:
                return
        try:
            DatabaseRetry(_LEAVE_SECONDS).run(lambda: self._keep(self._ends()))
        except (DatabaseError, Unreachable) as error:
            log.warning("builds that a stop broke off count as deaths", count=len(self._ended), reason=str(error))

    def _ends(self) -> list[SuspectBuild]:
        with self._changed:
            return [SuspectBuild(id_, deaths, ended=True) for id_, deaths in self._ended.items()]

    def _write(self, builds: list[SuspectBuild]) -> None:
        """What the database does not take now, the next `_prolong` brings."""
        try:
            self._keep(builds)
        except DatabaseError as error:
            log.warning("the end of a build alone could not be written yet", reason=cause(error))

    def _keep(self, builds: list[SuspectBuild]) -> None:
        if not builds:
            return
        self._suspects.keep(self._process, builds, LEASE_SECONDS)
        with self._changed:
            for each in builds:
                if each.ended and self._ended.get(each.id) == each.deaths:
                    del self._ended[each.id]

    def _watch(self) -> None:
        """Keep what is under way, from time to time. The lock is held."""
        if self._timer is None and (self._under_way or self._ended):
            self._timer = threading.Timer(KEEP_SECONDS, self._prolong)
            self._timer.daemon = True
            self._timer.start()

    def _prolong(self) -> None:
        with self._changed:
            under_way = [SuspectBuild(id_, deaths, ended=False) for id_, deaths in self._under_way.items()]
        self._write(under_way + self._ends())
        with self._changed:
            self._timer = None
            self._watch()
