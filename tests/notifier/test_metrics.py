"""What Prometheus reads, over HTTP and by its own parser."""

import socket
import uuid
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from notifier.errors import SettingsError
from notifier.metrics import metrics_server
from notifier.notifications import Status
from notifier.outbox import Change, Quarantined
from notifier.settings import Settings
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows

__all__ = ["engine", "rows"]

Sample = tuple[str, frozenset[tuple[str, str]]]
Scrape = Callable[[], dict[Sample, float]]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def settings(database_url: str, port: int) -> Settings:
    return Settings.model_validate(
        {"database_url": database_url, "broker_url": "redis://127.0.0.1:1/0", "metrics_port": port}
    )


def scraped(port: int) -> dict[Sample, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


@pytest.fixture
def scrape(database_url: str) -> Iterator[Scrape]:
    port = free_port()
    with metrics_server(settings(database_url, port), CollectorRegistry()):
        yield lambda: scraped(port)


def sample(name: str, **labels: str) -> Sample:
    return f"notifier_{name}", frozenset(labels.items())


def test_the_stream_is_counted_as_the_audit_counts_it(rows: Rows, scrape: Scrape) -> None:
    rows.record(rows.page([1, 2, 3], [Quarantined("4", b"{", "not a record")], unrouted=5))
    found = scrape()
    records = [found[sample("stream_records_total", table="activity", result=result)]
               for result in ("notified", "unrouted", "quarantined")]  # fmt: skip
    assert records == [3, 5, 1]
    assert found[sample("quarantine_records")] == 1
    assert found[sample("database_up")] == 1
    assert any(name == "notifier_build_info" for name, _ in found)


def test_lag_counts_for_shards_that_nobody_reads(rows: Rows, scrape: Scrape) -> None:
    assert scrape()[sample("stream_unread_shards", table="activity")] == 0
    Rows(rows.engine, "shardId-2")
    rows.run("UPDATE shards SET caught_up_at = now()")
    rows.run("UPDATE shards SET owner = NULL, lease_until = NULL, caught_up_at = now() - interval '2 h' "
             "WHERE shard_id = 'shardId-2'")  # fmt: skip
    found = scrape()
    assert 7_199 < found[sample("stream_lag_seconds", table="activity")] < 7_300
    assert found[sample("stream_shards", table="activity")] == 2
    assert found[sample("stream_unread_shards", table="activity")] == 1
    rows.run("UPDATE shards SET parent_shard_id = 'shardId-1' WHERE shard_id = 'shardId-2'")  # it waits for its turn
    assert scrape()[sample("stream_lag_seconds", table="activity")] < 60


def test_a_gap_is_counted_for_ever_and_open_until_it_is_acknowledged(rows: Rows, scrape: Scrape) -> None:
    assert scrape()[sample("stream_open_gaps")] == 0
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, 'records were trimmed' FROM shards")
    assert scrape()[sample("stream_open_gaps")] == 1
    rows.run("UPDATE gaps SET acknowledged_at = now()")
    found = scrape()
    assert (found[sample("stream_gaps_total")], found[sample("stream_open_gaps")]) == (1, 0)


def test_deliveries_that_are_not_at_their_end(rows: Rows, scrape: Scrape) -> None:
    ids = rows.pending(6)
    attempts = rows.attempts()
    rows.run("DELETE FROM publications")
    rows.pending(3)
    attempts.decide([Change(id_, Status.PENDING, failed=True, delay=60.0, reason="busy") for id_ in ids[:2]])
    rows.run("INSERT INTO claims VALUES (:token, 'email', 'w', :ids, now())", token=uuid.uuid4(), ids=ids[2:])
    found = scrape()
    held = {status: found[sample("outbox_notifications", channel="email", status=status)]
            for status in ("pending", "retry", "sending")}  # fmt: skip
    assert held == {"pending": 3, "retry": 2, "sending": 4}
    assert 0 <= found[sample("outbox_oldest_age_seconds", channel="email", status="pending")] < 60


def test_no_scrape_reads_a_big_table(rows: Rows, scrape: Scrape) -> None:
    rows.pending()
    for table in ("notifications", "deliveries", "delivery_events"):
        rows.run(f"ALTER TABLE {table} RENAME TO away_{table}")
    assert scrape()[sample("outbox_notifications", channel="email", status="pending")] == 1


def test_a_database_that_is_away_breaks_no_scrape() -> None:
    port = free_port()
    with metrics_server(settings("postgresql://nobody@127.0.0.1:1/none", port), CollectorRegistry()):
        found = scraped(port)
    assert found[sample("database_up")] == 0
    assert not any(name.startswith("notifier_outbox") for name, _ in found)


def test_without_a_port_nothing_listens(database_url: str) -> None:
    registry = CollectorRegistry()
    with metrics_server(settings(database_url, 0), registry):
        assert list(registry.collect()) == []


def test_a_port_that_is_taken_is_told(database_url: str) -> None:
    port = free_port()
    second = metrics_server(settings(database_url, port), CollectorRegistry())
    with (
        metrics_server(settings(database_url, port), CollectorRegistry()),
        pytest.raises(SettingsError, match="NOTIFIER_METRICS_PORT"),
    ):
        second.__enter__()
