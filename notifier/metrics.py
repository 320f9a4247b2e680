"""Metrics for Prometheus: what the outbox holds, asked for at each scrape, beside what this process counts itself.

Every bridge that serves them shows the same outbox: aggregate with max, not with sum.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from prometheus_client import REGISTRY, CollectorRegistry, Info, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from notifier.database import DatabaseError, connect
from notifier.errors import SettingsError
from notifier.outbox import Level, Levels
from notifier.settings import Settings

_SCRAPES = 2  # at once


class OutboxCollector(Collector):
    """The levels of the outbox. While the database is away, that is all it says."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: so nobody asks the database before the first scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("notifier_database_up", "Whether Postgres answers.")
        try:
            level = self._levels.read()
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _stream(level)
        yield from _losses(level)
        yield from _outbox(level)


def _stream(level: Level) -> Iterator[Metric]:
    records = CounterMetricFamily("notifier_stream_records", "Records that were read.", labels=("table", "result"))
    lag = GaugeMetricFamily("notifier_stream_lag_seconds", "Of the shard furthest behind.", labels=("table",))
    shards = GaugeMetricFamily("notifier_stream_shards", "Shards that can be read now.", labels=("table",))
    unread = GaugeMetricFamily("notifier_stream_unread_shards", "Those without a reader.", labels=("table",))
    for each in level.tables:
        for result in ("notified", "unrouted", "quarantined"):
            records.add_metric([each.table, result], getattr(each, result))
        lag.add_metric([each.table], each.lag)
        shards.add_metric([each.table], each.shards)
        unread.add_metric([each.table], each.unread)
    yield from (records, lag, shards, unread)


def _losses(level: Level) -> Iterator[Metric]:
    yield CounterMetricFamily("notifier_stream_gaps", "Records lost before they could be read.", value=level.gaps)
    yield GaugeMetricFamily("notifier_stream_open_gaps", "Gaps that nobody acknowledged.", value=level.open_gaps)
    yield GaugeMetricFamily(
        "notifier_quarantine_records", "Records that cannot be understood, not yet replayed.", value=level.quarantined
    )


def _outbox(level: Level) -> Iterator[Metric]:
    labels = ("channel", "status")
    held = GaugeMetricFamily("notifier_outbox_notifications", "Deliveries that are not at their end.", labels=labels)
    age = GaugeMetricFamily("notifier_outbox_oldest_age_seconds", "Since the oldest one's event.", labels=labels)
    for each in level.channels:
        held.add_metric([each.channel, each.status], each.deliveries)
        if each.age is not None:
            age.add_metric([each.channel, each.status], each.age)
    yield from (held, age)


@contextmanager
def metrics_server(settings: Settings, registry: CollectorRegistry = REGISTRY) -> Iterator[None]:
    """Serve /metrics for as long as the block lasts, where that is wanted. Raises SettingsError for a taken port."""
    if not settings.metrics_port:
        yield
        return
    with _listening(settings, registry):
        engine = connect(settings.database_url.get_secret_value(), pool_size=_SCRAPES, application="notifier metrics")
        collectors = [OutboxCollector(Levels(engine)), _build_info()]
        for each in collectors:
            registry.register(each)
        try:
            yield
        finally:
            for each in collectors:
                registry.unregister(each)
            engine.dispose()


@contextmanager
def _listening(settings: Settings, registry: CollectorRegistry) -> Iterator[None]:
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_address, registry)
    except OSError as error:
        where = f"{settings.metrics_address}:{settings.metrics_port}"
        raise SettingsError(f"metrics cannot be served at {where}, see NOTIFIER_METRICS_PORT: {error}") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _build_info() -> Info:
    info = Info("notifier_build", "The version that runs.", registry=None)
    info.info({"version": version("notifier")})
    return info
