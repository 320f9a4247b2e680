"""Metrics over real HTTP, as Prometheus reads them."""

import re
import threading
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, make_url

from notifier.database.engine import connect
from notifier.feedback import DeadLetter, Feedback, FeedbackKind
from notifier.health.conditions import ProcessHealth
from notifier.health.heartbeat import Heartbeat
from notifier.health.server import serving
from notifier.metrics.family import Kind
from notifier.metrics.names import FAMILIES
from notifier.metrics.names.database import GAPS
from notifier.metrics.outbox import OutboxMetrics
from notifier.outbox import ChannelStates, Quarantined, Recipient, Settlement
from notifier.outbox.publishing.backlog import SAMPLE
from sandbox.embedded.allocation import free_port
from tests.chaos.faults.proxy import Proxy
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import Rows
from tests.waiting import wait_until

__all__ = ["engine", "rows"]


def scraped(engine: Engine, queues: Iterable[str] = ()) -> dict[tuple[str, ...], float]:
    port, outbox = free_port(), OutboxMetrics(engine, queues=queues)
    with serving(port, "127.0.0.1", ProcessHealth("bridge", Heartbeat("bridge"), bool), [outbox]):
        return samples(port)


def samples(port: int) -> dict[tuple[str, ...], float]:
    """Return each sample by its name and the values of its labels."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert all(family.documentation for family in families)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_metrics_of_the_outbox(rows: Rows) -> None:
    rows.record(rows.page([1, 2, 3], [Quarantined("4", b"{", "not JSON")], unrouted=2))
    (id_,) = rows.pending()
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, "ana@example.com")], 60)
    now = datetime.now(UTC)
    told = [Feedback(FeedbackKind.DELIVERY, "m-1", now, now, id_, 1)]
    Settlement(rows.engine, channel="email").settle(told, [DeadLetter(b"?", "not JSON")])
    ChannelStates(rows.engine, actor="test").pause("email", "for the test")
    rows.run("INSERT INTO gaps (shard, reason) SELECT id, 'lost' FROM shards")

    found = scraped(rows.engine)

    assert found[("notifier_database_up",)] == 1
    assert found[("notifier_stream_records_total", "notified")] == 4
    assert found[("notifier_stream_records_total", "unrouted")] == 2
    assert found[("notifier_stream_records_total", "quarantined")] == 1
    assert found[("notifier_outbox_backlog", "email")] == 3  # the fourth is delivered
    assert 0 <= found[("notifier_outbox_oldest_seconds", "email")] < 600
    assert found[("notifier_outbox_sending", "email")] == 1
    assert found[("notifier_channel_running", "email")] == 0
    assert found[("notifier_feedback_events_total", "email", "delivery")] == 1
    assert found[("notifier_gaps_total",)] == found[("notifier_gaps_open",)] == 1
    assert found[("notifier_feedback_dead_letters",)] == 1
    assert found[("notifier_quarantine_records",)] == 1
    assert ("notifier_stream_lag_seconds",) in found
    assert found[("notifier_table_shards", "activity")] == 1
    assert found[("notifier_table_shards_unread", "activity")] == 0
    assert 0 <= found[("notifier_table_lag_seconds", "activity")] < 600
    assert found[("notifier_table_stream_waits_seconds", "activity")] == 0
    assert ("notifier_feedback_newest_send_seconds", "email") not in found  # no event shows when it was sent


def test_the_evidence_clock_says_how_old_the_newest_events_are(rows: Rows) -> None:
    (id_,) = rows.pending(1)
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, "ana@example.com")], 60)
    sent = datetime.now(UTC) - timedelta(minutes=10)
    settlement = Settlement(rows.engine, channel="email")
    settlement.settle([Feedback(FeedbackKind.SEND, "m-1", sent, sent, id_, 1)])
    settlement.note_settled_before(90.0)

    found = scraped(rows.engine)

    assert 599 < found[("notifier_feedback_newest_send_seconds", "email")] < 660
    assert 89 < found[("notifier_feedback_settled_seconds", "email")] < 150


def test_what_is_settled_is_no_backlog_although_its_publication_is_still_there(rows: Rows) -> None:
    rows.pending(6)
    rows.run("UPDATE publications SET published_at = now(), due_at = now() + interval '30 s'")
    rows.run("UPDATE deliveries SET status = 'sent'")

    found = scraped(rows.engine)

    assert found[("notifier_outbox_backlog", "email")] == 0
    assert found[("notifier_outbox_oldest_seconds", "email")] == 0


def test_a_queue_of_the_routes_has_a_zero_while_nothing_waits(rows: Rows) -> None:
    """A series that is missing means that no bridge serves it: an alarm goes off, and workers do not scale in."""
    metrics = ("notifier_outbox_backlog", "notifier_outbox_oldest_seconds")
    queues = ("email", "email:low", "sms")
    found = scraped(rows.engine, queues)
    assert [found[(metric, queue)] for metric in metrics for queue in queues] == [0] * 6

    rows.pending(3)
    found = scraped(rows.engine, queues)
    assert [found[("notifier_outbox_backlog", queue)] for queue in queues] == [3, 0, 0]


def test_of_a_long_backlog_a_sample_is_looked_up(rows: Rows) -> None:
    for _ in range(3 * SAMPLE):
        rows.pending(4)
    rows.run("UPDATE publications SET published_at = now()")
    older = "(SELECT notification_id FROM notifications WHERE sequence_number::int <= :n)"
    rows.run(f"UPDATE deliveries SET status = 'sent' WHERE notification_id IN {older}", n=6 * SAMPLE)
    found = scraped(rows.engine)[("notifier_outbox_backlog", "email")]
    assert abs(found - 6 * SAMPLE) <= 12  # one publication of the sample stands for three
    rows.pending(4)
    assert scraped(rows.engine)[("notifier_outbox_backlog", "email")] == found + 4


def test_metrics_without_a_database() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:1/nothing")
    found = scraped(engine)
    assert found[("notifier_database_up",)] == 0
    assert ("notifier_stream_lag_seconds",) not in found


def test_metrics_while_the_database_hangs(database_url: str) -> None:
    """The scrape is answered, and one session waits, however many scrapes there are. Then the gauges are back."""
    address = make_url(database_url)
    with Proxy(address.port or 5432) as proxy:
        engine = connect(address.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False))
        outbox = OutboxMetrics(engine, patience=0.5)
        up = lambda: {each.name: each for each in outbox.collect()}["notifier_database_up"].samples[0].value  # noqa: E731
        assert up() == 1
        proxy.stall(120)
        assert [up() for _ in range(3)] == [0, 0, 0]
        assert [each.name for each in threading.enumerate()].count("gauges") == 1
        proxy.heal()
        wait_until(lambda: up() == 1, 30)
        engine.dispose()


def test_metrics_after_a_thread_could_not_start(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = OutboxMetrics(engine)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        with pytest.raises(RuntimeError, match="no thread"):
            list(outbox.collect())
    assert next(iter(outbox.collect())).samples[0].value == 1


def refuse_to_start(_: threading.Thread) -> None:
    raise RuntimeError("no thread")


def test_names_are_valid_and_of_one_meaning() -> None:
    names = [each.name for each in FAMILIES]
    assert len(set(names)) == len(names)
    for each in FAMILIES:
        assert re.fullmatch(r"notifier_[a-z_]+", each.name), each
        assert each.help.endswith("."), each
        assert bool(each.buckets) == (each.kind is Kind.HISTOGRAM), each
        assert not {"id", "recipient", "reason_text", "worker"} & set(each.labels), each


def test_a_family_is_of_one_kind_only() -> None:
    with pytest.raises(TypeError, match="notifier_gaps is a counter, not a gauge"):
        GAPS.gauge()
