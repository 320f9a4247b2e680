"""Metrics that come from the database. Any bridge can serve them."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError
from notifier.metrics.names import database as names
from notifier.notifications import Status
from notifier.outbox import MOST_COUNTERS, ROUTE_ERROR, CountKey, Gauges, read_gauges

PATIENCE_SECONDS = 5.0
"""How long a scrape waits for the database. Prometheus gives up a scrape after ten seconds, unless told otherwise."""
_SHOWN_AT_ONCE = (Status.SENT.value, Status.FAILED.value, ROUTE_ERROR)


class OutboxMetrics(Collector):
    """Reads the database at each scrape. Queues of `queues` in which nothing waits have a 0: a series that is missing
    says that no bridge serves it.

    If it does not answer within `patience` seconds, only `notifier_database_up` 0 is returned: a scrape that took
    longer would fail as a whole, and the process would look dead.
    """

    def __init__(
        self, engine: Engine, keep_days: int = 0, queues: Iterable[str] = (), patience: float = PATIENCE_SECONDS
    ) -> None:
        self._engine = engine
        self._keep_days = keep_days
        self._empty = dict.fromkeys(queues, 0)
        self._patience = patience
        self._lock = threading.Lock()
        self._reading: Future[Gauges] | None = None

    def collect(self) -> Iterator[Metric]:
        try:
            gauges = self._begun().result(self._patience)
        except (DatabaseError, TimeoutError):
            yield names.DATABASE_UP.sample(0)
            return
        yield names.DATABASE_UP.sample(1)
        yield from _stream(gauges)
        yield from _tables(gauges)
        yield names.BACKLOG.samples(self._empty | gauges.backlog)
        yield names.OLDEST.samples(self._empty | gauges.oldest_seconds)
        yield from _outbox(gauges)
        yield from _feedback(gauges)
        yield from _problems(gauges)
        yield from _days(gauges)
        yield from _updates(gauges)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry calls this before the database is known to answer."""
        return ()

    def _begun(self) -> "Future[Gauges]":
        """Return the reading that is under way, or begin one. While the database hangs, one thread waits for it, not
        one of each scrape.
        """
        with self._lock:
            if self._reading is None or self._reading.done():
                reading: Future[Gauges] = Future()
                threading.Thread(target=self._read, args=(reading,), name="gauges", daemon=True).start()
                self._reading = reading  # not before: a thread that cannot start would leave it unread for good
            return self._reading

    def _read(self, reading: "Future[Gauges]") -> None:
        try:
            reading.set_result(read_gauges(self._engine, self._keep_days))
        except BaseException as error:  # noqa: BLE001  raised where the result is asked for
            reading.set_exception(error)


def _stream(gauges: Gauges) -> Iterator[Metric]:
    yield names.STREAM_RECORDS.samples(gauges.records)
    yield names.STREAM_NOTIFICATIONS.sample(gauges.notifications)
    yield names.STREAM_LAG.sample(gauges.lag["seconds"])
    yield names.STREAM_SHARDS.sample(gauges.lag["shards"])
    yield names.STREAM_SHARDS_UNREAD.sample(gauges.lag["unread"])
    yield names.STREAM_LISTING.samples({each.table: each.seconds for each in gauges.discovery})
    yield names.STREAM_CHILDLESS.samples({each.table: each.childless for each in gauges.discovery})


def _tables(gauges: Gauges) -> Iterator[Metric]:
    waits: dict[str, float] = dict.fromkeys((each.table for each in gauges.tables), 0.0)
    for each in gauges.waiting:
        waits[each.table] = max(waits.get(each.table, 0.0), each.seconds)
    yield names.TABLE_SHARDS.samples({each.table: each.shards for each in gauges.tables})
    yield names.TABLE_SHARDS_UNREAD.samples({each.table: each.unread for each in gauges.tables})
    yield names.TABLE_LAG.samples({each.table: each.seconds for each in gauges.tables})
    yield names.TABLE_REWINDS.samples({each.table: each.shards for each in gauges.rewinds})
    yield names.TABLE_STREAM_WAITS.samples(waits)


def _outbox(gauges: Gauges) -> Iterator[Metric]:
    yield names.SENDING.samples(gauges.sending)
    yield names.RUNNING.samples(gauges.running)
    yield names.DUE.samples(gauges.due)
    counts = _beginning_at_zero(gauges.deliveries)
    yield names.DELIVERIES.samples({tuple(key): count for key, count in counts.items() if key.status != ROUTE_ERROR})
    yield names.ROUTE_ERRORS.samples(
        {(key.channel, key.route): count for key, count in counts.items() if key.status == ROUTE_ERROR}
    )


def _beginning_at_zero(counts: Mapping[CountKey, int]) -> dict[CountKey, int]:
    """Return the counts, with a 0 for each status that a counted route has not had yet. Without it `increase()` of
    Prometheus would not see the counter's first value, and many deliveries may fail at once.
    """
    if len(counts) >= MOST_COUNTERS:  # what is not among them need not be 0
        return dict(counts)
    routes = {(each.channel, each.route) for each in counts}
    return {CountKey(*route, status): 0 for route in routes for status in _SHOWN_AT_ONCE} | dict(counts)


def _feedback(gauges: Gauges) -> Iterator[Metric]:
    yield names.FEEDBACK_EVENTS.samples(gauges.feedback)
    evidence = gauges.evidence
    yield names.EVIDENCE.samples({each.channel: each.sent for each in evidence if each.sent is not None})
    yield names.DRAINED.samples({each.channel: each.settled for each in evidence if each.settled is not None})


def _problems(gauges: Gauges) -> Iterator[Metric]:
    found = gauges.found
    yield names.GAPS.sample(found["gaps"])
    yield names.GAPS_OPEN.sample(found["gaps_open"])
    yield names.DUPLICATES.sample(found["duplicates"])
    yield names.QUARANTINE.sample(found["quarantine"])
    yield names.DEAD_LETTERS.sample(found["dead_letters"])
    yield names.UNMATCHED.sample(found["unmatched"])


def _days(gauges: Gauges) -> Iterator[Metric]:
    days = gauges.days
    yield names.DAYS_KEPT.sample(days.days)
    yield names.DAYS_OLDEST.sample(days.oldest_age)
    reasons = ("open", "due", "status updates", "not counted yet", "being dropped")
    yield names.DAYS_OVERDUE.samples({reason: days.overdue.get(reason, 0) for reason in reasons})


def _updates(gauges: Gauges) -> Iterator[Metric]:
    found = gauges.updates
    yield names.UPDATES_WAITING.samples({each.destination: each.waiting for each in found})
    yield names.UPDATES_FAILING.samples({each.destination: each.failing for each in found})
    yield names.UPDATES_OLDEST.samples({each.destination: max(0.0, each.oldest_seconds or 0.0) for each in found})
    accepted = {(each.destination, "accepted"): each.accepted for each in found}
    dropped = {(each.destination, "dropped"): each.dropped for each in found}
    yield names.UPDATES.samples(accepted | dropped)
