"""Notifications whose worker died are built one at a time, each in a process that may die of it.

The worker lives on when that process does, so it knows which notification was at fault, and loses no other one.
"""

import threading
import time
from collections.abc import Callable, Iterable
from uuid import UUID

import structlog

from notifier.outbox import Change, Suspects, Work
from workers.child import Child, Died, Overdue, Unpicklable
from workers.decide import lost, not_isolated
from workers.patience import Patience
from workers.prepare import Preparation, Prepared

log = structlog.get_logger(__name__)

LOSSES = 3
"""After so many deaths a notification fails."""
PROCESSES = 4
"""At once, at most."""
STARTING = 2
"""Of these; each takes one or two seconds of CPU time to start."""
IDLE_SECONDS = 60.0
_PATIENCE_SECONDS = 30.0


class Alone:
    """The processes of one channel in this worker. Safe to share between threads: each builds in a process at a time.

    `losses` counts the death that made a notification a suspect, then those of the processes that built it alone. The
    number of the latter is in the database, written before each build: a worker may die together with its process.
    """

    def __init__(
        self, start: Callable[[], Child], suspects: Suspects, preparation: Preparation, losses: int = LOSSES
    ) -> None:
        self._start = start
        self._suspects = suspects
        self._preparation = preparation
        self._losses = losses
        self._lock = threading.Lock()
        self._places = threading.Semaphore(PROCESSES)
        self._starting = threading.Semaphore(STARTING)
        self._idle: list[tuple[float, Child]] = []
        self._timer: threading.Timer | None = None
        self._begun: set[UUID] = set()

    def warm_up(self) -> None:
        """Have a process ready, where one can be started."""
        try:
            with self._places:
                self._put_back(self._take())
        except (OSError, Died) as error:
            log.error("no process to build a notification alone", error=str(error))  # noqa: TRY400

    def build(self, work: Work, timeout: float) -> Prepared | Change:
        """What the route makes of it. Raises Unreachable where the database stays away."""
        with self._lock:
            self._begun.add(work.id)
        while True:
            try:
                with self._places:
                    return self._build(work, timeout)
            except Died as death:
                log.warning(
                    "a process died of a route", notification=str(work.id), route=work.route, cause=str(death)
                )

    def ended(self, ids: Iterable[UUID]) -> None:
        """What became of these is known. Those among them that were built alone are no suspects any more."""
        if not self._begun:
            return
        with self._lock:
            ended = self._begun.intersection(ids)
            self._begun -= ended
        if ended:
            Patience(_PATIENCE_SECONDS).run(lambda: self._suspects.clear(ended))

    def _build(self, work: Work, timeout: float) -> Prepared | Change:
        """In one process. Raises Died where another may try it."""
        try:
            child = self._take()
        except (OSError, Died) as error:
            log.error("no process to build a notification alone", error=str(error))  # noqa: TRY400
            return not_isolated(work)
        deaths = 1 + Patience(_PATIENCE_SECONDS).run(lambda: self._suspects.begin(work.id))
        if deaths >= self._losses:
            self._put_back(child)
            return self._fail(work, deaths, "its last worker died before it could say how")
        try:
            return self._build_in(child, work, timeout)
        except Died as death:
            if deaths + 1 < self._losses:
                raise
            return self._fail(work, deaths + 1, str(death))

    def _build_in(self, child: Child, work: Work, timeout: float) -> Prepared | Change:
        """Raises Died."""
        try:
            built = child.build(work, timeout)
        except Overdue:
            child.kill()
            return self._preparation.not_built(work, True)
        except Unpicklable:  # it was built, and its process lives: so will this one
            self._put_back(child)
            return self._preparation.prepare(work)
        self._put_back(child)
        if isinstance(built, Change):
            return built
        return Prepared(work, built.request, built.content, self._preparation.route(work), built.address)

    def _fail(self, work: Work, deaths: int, cause: str) -> Change:
        log.error("ALARM: a route kills its worker", notification=str(work.id), route=work.route, cause=cause)
        return lost(work, deaths, cause)

    def _take(self) -> Child:
        with self._lock:
            if self._idle:
                return self._idle.pop()[1]
        with self._starting:
            return self._start()

    def _put_back(self, child: Child) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), child))
            self._watch()

    def _watch(self) -> None:
        """Look again for processes that are idle for too long. The lock is held."""
        if self._timer is None:
            self._timer = threading.Timer(IDLE_SECONDS, self._close_idle, (IDLE_SECONDS,))
            self._timer.daemon = True
            self._timer.start()

    def _close_idle(self, seconds: float) -> None:
        since = time.monotonic() - seconds
        with self._lock:
            over = [child for used, child in self._idle if used <= since]
            self._idle = [each for each in self._idle if each[0] > since]
            self._timer = None
            if self._idle:
                self._watch()
        for child in over:
            child.kill()
