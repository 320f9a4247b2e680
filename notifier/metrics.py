"""Metrics for Prometheus, on a port of their own. Any bridge can serve those that come from the database."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import structlog
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifier.database.engine import Engine
from notifier.database.errors import DatabaseError
from notifier.errors import SettingsError
from notifier.outbox import ROUTE_ERROR, Gauges, read_gauges

log = structlog.get_logger(__name__)


class OutboxMetrics(Collector):
    """Reads the database at each scrape. If it does not answer, only `notifier_database_up` 0 is returned."""

    def __init__(self, engine: Engine, keep_days: int = 0) -> None:
        self._engine = engine
        self._keep_days = keep_days

    def collect(self) -> Iterator[Metric]:
        try:
            gauges = read_gauges(self._engine, self._keep_days)
        except DatabaseError:
            yield _gauge("database_up", "Whether the database answers.", 0)
            return
        yield _gauge("database_up", "Whether the database answers.", 1)
        yield from _stream(gauges)
        yield from _outbox(gauges)
        yield from _problems(gauges)
        yield from _days(gauges)

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry calls this before the database is known to answer."""
        return ()


@contextmanager
def served(engine: Engine, port: int, address: str, keep_days: int = 0) -> Iterator[None]:
    """Serve `/metrics` on that port during the block; port 0: do nothing. Raise SettingsError if it cannot be used.

    The metrics of the database are served beside those of this process.
    """
    if not port:
        yield
        return
    with _listening(port, address):
        outbox = OutboxMetrics(engine, keep_days)
        REGISTRY.register(outbox)
        try:
            yield
        finally:
            REGISTRY.unregister(outbox)


@contextmanager
def offered(port: int, address: str) -> Iterator[None]:
    """Serve the metrics of this process on that port during the block; port 0: do nothing.

    If the port cannot be used, that is logged, and the worker runs without metrics.
    """
    if not port:
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(_listening(port, address))
        except SettingsError as error:
            log.error("this worker serves no metrics", reason=str(error))  # noqa: TRY400
        yield


@contextmanager
def _listening(port: int, address: str) -> Iterator[None]:
    try:
        server, thread = start_http_server(port, address)
    except OSError as error:
        raise SettingsError(
            f"NOTIFIER_METRICS_PORT={port} on {address} cannot be used: {error.strerror}; a second bridge or worker "
            "of a machine needs its own"
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _stream(gauges: Gauges) -> Iterator[Metric]:
    records = CounterMetricFamily("notifier_stream_records", "Records read, by result.", labels=["result"])
    for result, count in gauges.records.items():
        records.add_metric([result], count)
    yield records
    yield _gauge("stream_lag_seconds", "Lag of the shard that is furthest behind.", gauges.lag["seconds"])
    yield _gauge("stream_shards", "Shards that can be read now.", gauges.lag["shards"])
    yield _gauge("stream_shards_unread", "Of these, the ones that no bridge reads.", gauges.lag["unread"])
    yield from _tables(gauges)
    yield from _discovery(gauges)


def _tables(gauges: Gauges) -> Iterator[Metric]:
    waits: dict[str, float] = dict.fromkeys((each.table for each in gauges.tables), 0.0)
    for each in gauges.waiting:
        waits[each.table] = max(waits.get(each.table, 0.0), each.seconds)
    for name, meaning, values in (
        ("table_shards", "Shards of the table that can be read now.", {t.table: t.shards for t in gauges.tables}),
        (
            "table_shards_unread",
            "Of these, the ones that no bridge reads.",
            {t.table: t.unread for t in gauges.tables},
        ),
        ("table_lag_seconds", "Lag of the reading of the table.", {t.table: t.seconds for t in gauges.tables}),
        (
            "table_rewinds",
            "Shards of the table that are to be read again.",
            {r.table: r.shards for r in gauges.rewinds},
        ),
        (
            "table_stream_waits_seconds",
            "How long its new stream has waited for an old one that has not ended.",
            waits,
        ),
    ):
        family = GaugeMetricFamily(f"notifier_{name}", meaning, labels=["table"])
        for table, value in values.items():
            family.add_metric([table], value)
        yield family


def _discovery(gauges: Gauges) -> Iterator[Metric]:
    listed = GaugeMetricFamily(
        "notifier_stream_listing_seconds", "Seconds since all shards of the table were listed.", labels=["table"]
    )
    childless = GaugeMetricFamily(
        "notifier_stream_shards_childless", "Ended shards whose children are unknown.", labels=["table"]
    )
    for each in gauges.discovery:
        listed.add_metric([each.table], each.seconds)
        childless.add_metric([each.table], each.childless)
    yield listed
    yield childless


def _outbox(gauges: Gauges) -> Iterator[Metric]:
    by_channel = ["channel"]
    for name, meaning, values in (
        (
            "outbox_backlog",
            "Deliveries that wait for a worker; above 5,000 an estimate.",
            gauges.backlog,
        ),
        ("outbox_oldest_seconds", "Age of the oldest event that waits for a worker.", gauges.oldest_seconds),
        ("outbox_sending", "Attempts in progress.", gauges.sending),
        ("channel_running", "1 where the channel sends, 0 where it is parked or paused.", gauges.running),
    ):
        family = GaugeMetricFamily(f"notifier_{name}", meaning, labels=by_channel)
        for channel, value in values.items():
            family.add_metric([channel], value)
        yield family
    due = GaugeMetricFamily(
        "notifier_outbox_due", "Retries, unknown outcomes, held ones.", labels=["channel", "kind"]
    )
    for (channel, kind), value in gauges.due.items():
        due.add_metric([channel, kind], value)
    yield due
    yield from _deliveries(gauges)
    events = CounterMetricFamily("notifier_feedback_events", "Events of providers.", labels=["channel", "kind"])
    for (channel, kind), value in gauges.feedback.items():
        events.add_metric([channel, kind], value)
    yield events


def _deliveries(gauges: Gauges) -> Iterator[Metric]:
    deliveries = CounterMetricFamily(
        "notifier_outbox_deliveries",
        "Results of the attempts of all workers; pending: tried again.",
        labels=["channel", "route", "status"],
    )
    errors = CounterMetricFamily(
        "notifier_outbox_route_errors", "Times that a route or its template failed.", labels=["channel", "route"]
    )
    for (channel, route, status), count in gauges.deliveries.items():
        if status == ROUTE_ERROR:
            errors.add_metric([channel, route], count)
        else:
            deliveries.add_metric([channel, route, status], count)
    yield deliveries
    yield errors


def _problems(gauges: Gauges) -> Iterator[Metric]:
    found = gauges.found
    yield CounterMetricFamily("notifier_gaps", "Times that records were lost before they were read.", found["gaps"])
    yield _gauge("gaps_open", "Of these, the ones that are not acknowledged.", found["gaps_open"])
    yield CounterMetricFamily("notifier_duplicates", "Notifications accepted twice.", found["duplicates"])
    yield _gauge("quarantine_records", "Records that cannot be parsed.", found["quarantine"])
    yield _gauge(
        "feedback_dead_letters", "Messages of the feedback queue that cannot be parsed.", found["dead_letters"]
    )
    yield _gauge("feedback_unmatched", "Events whose notification is not in this database.", found["unmatched"])


def _days(gauges: Gauges) -> Iterator[Metric]:
    days = gauges.days
    yield _gauge("days_kept", "Days of notifications in the database.", days.days)
    yield _gauge("days_oldest_age", "Age of the oldest of them, in days.", days.oldest_age)
    overdue = GaugeMetricFamily(
        "notifier_days_overdue",
        "Days older than NOTIFIER_KEEP_DAYS, by the reason why they are kept.",
        labels=["reason"],
    )
    for reason in ("open", "due", "not counted yet", "being dropped"):
        overdue.add_metric([reason], days.overdue.get(reason, 0))
    yield overdue


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"notifier_{name}", meaning, value)
