"""Counts the changes of deliveries: in the metrics of this worker, and in the database for those of the bridges."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from notifier.database.errors import DatabaseError, cause
from notifier.notifications import Status
from notifier.outbox import LIMITED, ROUTE_ERROR, SCHEDULED, Change, CountKey, DeliveryCounts, Scheduled
from workers.metrics.counters import DELIVERIES, ROUTE_ERRORS
from workers.process.starting import try_to_start

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 5.0
_LAST_SECONDS = 1.0

OTHER = "(not loaded)"
"""The label of routes that this worker does not know, so that there are no more labels than routes."""


class Count(Protocol):
    """Called with changes that are written. `built`: their notifications were ready to be sent. `limited`: they were
    beyond the limit of their route.
    """

    def __call__(self, changes: Sequence[Change], *, built: bool, limited: bool = False) -> None: ...


class Tally:
    """Counts changes. Safe to share between threads.

    A thread adds the counts to the database every five seconds. It starts with the first one.
    """

    def __init__(
        self, counts: DeliveryCounts, routes: Iterable[str], seconds: float = FLUSH_SECONDS, *, shows: bool = True
    ) -> None:
        """With `shows`, the changes are also counted in the metrics of this worker."""
        self._counts = counts
        self._shows = shows
        self._routes = frozenset(routes)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._new: Counter[CountKey] = Counter()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, channel: str, changes: Sequence[Change], *, built: bool, limited: bool = False) -> None:
        """Count changes that are written. A failure of one that was not `built` is an error of its route."""
        kinds = self._kinds(channel, changes, built=built, limited=limited)
        if not kinds:
            return
        if self._shows:
            show(kinds)
        with self._lock:
            self._new.update(kinds)
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        """Start the thread. If that is not possible, the next count tries again. The lock is held."""
        thread = threading.Thread(target=self._run, name="tally", daemon=True)
        if try_to_start(thread, "counts of deliveries are not written yet"):
            self._thread = thread

    def close(self) -> None:
        """Add what is left to the database, and end the thread. Waits for the database for a second at most."""
        self._ended.set()
        if self._thread:
            self._thread.join(_LAST_SECONDS)

    def flush(self) -> None:
        """Add the new counts to the database. If it fails they are kept for the next time."""
        with self._lock:
            taken, self._new = self._new, Counter()
        if not taken:
            return
        try:
            self._counts.add(taken)
        except DatabaseError as error:
            log.info("counts of deliveries could not be written, will be tried again", reason=cause(error))
            with self._lock:
                self._new.update(taken)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self.flush()
        self.flush()

    def _kinds(self, channel: str, changes: Sequence[Change], *, built: bool, limited: bool) -> Counter[CountKey]:
        """Called for every delivery, so it hashes one tuple for each. One that stays pending without a delay has not
        changed, and is not counted.
        """
        pending = Status.PENDING
        found = Counter(
            [(each.route, each.to._value_) for each in changes if each.to is not pending or each.delay is not None]
        )
        if not built:
            found.update((each.route, ROUTE_ERROR) for each in changes if each.failed)
        if limited:
            found.update((each.route, LIMITED) for each in changes)
        if limited or not built:
            found.update((each.route, SCHEDULED) for each in changes if isinstance(each, Scheduled))
        kinds: Counter[CountKey] = Counter()
        for (route, status), number in found.items():
            kinds[CountKey(channel, self._label(route), status)] += number
        return kinds

    def _label(self, route: str) -> str:
        return route if route in self._routes else OTHER


def show(counts: Mapping[CountKey, int]) -> None:
    """Add these to the metrics of this process."""
    for (channel, route, status), number in counts.items():
        if status == ROUTE_ERROR:
            ROUTE_ERRORS.labels(channel, route).inc(number)
        else:
            DELIVERIES.labels(channel, route, status).inc(number)


def begin_at_zero(channel: str, routes: Iterable[str]) -> None:
    """Show 0 for what has not happened yet: `increase()` of Prometheus does not see a counter's first value."""
    for route in routes:
        ROUTE_ERRORS.labels(channel, route)
        for status in (Status.SENT, Status.PENDING, Status.FAILED, Status.UNKNOWN):
            DELIVERIES.labels(channel, route, status.value)
