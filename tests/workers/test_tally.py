"""What a worker counts: once for each change that is written, in its own metrics and in the database's."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from notifier import Email, Event, RetryPolicy
from notifier.notifications import Status
from notifier.outbox import (
    LIMITED,
    ROUTE_ERROR,
    SCHEDULED,
    Change,
    CountKey,
    DeliveryCounts,
    Scheduled,
    Suppressions,
)
from notifier.outbox.delivery.counts import read_counts
from tests.no_threads import NoThreads
from tests.notifier.test_metrics import scraped
from tests.outbox.rows import Rows
from tests.waiting import wait_until
from tests.workers.test_deliverer import Environment, env
from workers.tally import OTHER, Tally

__all__ = ["env"]

S = Status


def change(to: Status, route: str = "a", **more: object) -> Change:
    return replace(Change(uuid.uuid4(), to, route=route), **more)


def counted(engine: Engine) -> dict[CountKey, int]:
    with engine.connect() as connection:
        return read_counts(connection)


@pytest.fixture
def tally(engine: Engine) -> Tally:
    return Tally(DeliveryCounts(engine), ["a", "b"], seconds=0.05)


def test_changes_are_counted_by_channel_route_and_status(engine: Engine, tally: Tally) -> None:
    tally.count(
        "email", [change(S.SENT), change(S.SENT), change(S.SENT, "b"), change(S.FAILED, failed=True)], built=True
    )
    tally.count("sms", [change(S.SKIPPED)], built=False)
    failures = [change(S.FAILED, failed=True), change(S.PENDING, failed=True, delay=1.0), change(S.EXPIRED)]
    tally.count("email", failures, built=False)
    tally.close()
    assert counted(engine) == {
        CountKey("email", "a", "sent"): 2, CountKey("email", "b", "sent"): 1, CountKey("email", "a", "failed"): 2,
        CountKey("email", "a", "pending"): 1, CountKey("email", "a", "expired"): 1,
        CountKey("sms", "a", "skipped"): 1, CountKey("email", "a", ROUTE_ERROR): 2,
    }  # fmt: skip


def test_what_is_beyond_its_limit_is_counted_in_addition(engine: Engine, tally: Tally) -> None:
    waits = Scheduled(uuid.uuid4(), S.PENDING, reason="over its limit", route="b", until=datetime.now(UTC))
    tally.count("email", [change(S.SKIPPED), waits], built=True, limited=True)
    tally.close()
    assert counted(engine) == {
        CountKey("email", "a", "skipped"): 1, CountKey("email", "a", LIMITED): 1,
        CountKey("email", "b", SCHEDULED): 1, CountKey("email", "b", LIMITED): 1,
    }  # fmt: skip


def test_what_stays_as_it_is_is_not_counted(engine: Engine, tally: Tally) -> None:
    tally.count("email", [change(S.PENDING)], built=True)
    tally.close()
    assert counted(engine) == {}


def test_there_are_no_more_labels_than_routes(engine: Engine, tally: Tally) -> None:
    tally.count("email", [change(S.FAILED, f"gone-{number}", failed=True) for number in range(300)], built=False)
    tally.close()
    assert counted(engine) == {CountKey("email", OTHER, "failed"): 300, CountKey("email", OTHER, ROUTE_ERROR): 300}


def test_counts_reach_the_metrics_of_a_bridge_by_themselves(engine: Engine, tally: Tally) -> None:
    tally.count("email", [change(S.SENT)], built=True)
    tally.count("email", [change(S.FAILED, failed=True)], built=False)
    wait_until(lambda: counted(engine))
    found = scraped(engine)
    assert found[("notifier_outbox_deliveries_total", "email", "a", "sent")] == 1
    assert found[("notifier_outbox_deliveries_total", "email", "a", "failed")] == 1
    assert found[("notifier_outbox_route_errors_total", "email", "a")] == 1
    tally.close()


def test_what_a_route_has_not_come_to_yet_is_shown_as_0(engine: Engine, tally: Tally) -> None:
    """`increase()` does not see a counter's first value, and many deliveries may fail at once."""
    tally.count("email", [change(S.SENT)], built=True)
    tally.close()
    found = scraped(engine)
    assert found[("notifier_outbox_deliveries_total", "email", "a", "failed")] == 0
    assert found[("notifier_outbox_route_errors_total", "email", "a")] == 0


def test_two_workers_add_up_and_a_database_that_is_away_loses_no_count(engine: Engine, tally: Tally) -> None:
    other = Tally(DeliveryCounts(engine), ["a"], seconds=3600)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE delivery_counts RENAME TO elsewhere"))
    tally.count("email", [change(S.SENT)], built=True)
    tally.flush()
    other.count("email", [change(S.SENT)], built=True)
    other.flush()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO delivery_counts"))
    tally.close()
    other.close()
    assert counted(engine) == {CountKey("email", "a", "sent"): 2}


def test_what_is_counted_while_no_thread_can_be_started_is_written_later(engine: Engine, tally: Tally) -> None:
    with NoThreads().in_force():
        tally.count("email", [change(S.SENT)], built=True)
        tally.close()
    tally.count("email", [change(S.SENT)], built=True)
    tally.close()
    assert counted(engine) == {CountKey("email", "a", "sent"): 2}


def test_a_worker_shows_what_it_did_itself(tally: Tally) -> None:
    before = sample("notifier_deliveries_total", status="suppressed") or 0
    tally.count("email", [change(S.SUPPRESSED)], built=True)
    assert sample("notifier_deliveries_total", status="suppressed") == before + 1
    errors = sample("notifier_route_errors_total") or 0
    tally.count("email", [change(S.FAILED, failed=True)], built=False)
    assert sample("notifier_route_errors_total") == errors + 1
    tally.close()


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"channel": "email", "route": "a", **labels})


def test_what_a_worker_delivers_is_what_it_counts(env: Environment, rows: Rows) -> None:
    """Each row once, under the status that it has now; a second delivery of the same messages adds nothing."""

    def build(event: Event) -> Email | None:
        to = (event.new or {})["to"]
        if to.startswith("raises"):
            raise KeyError(to)
        return None if to.startswith("muted") else Email(to=to, template="hello", context={"name": "Ana"})

    Suppressions(rows.engine, actor="eva").add("email", "barred@example.com", reason="manual")
    ids = env.pending("ana@example.com", "bo@example.com", "raises@x.org", "muted@x.org", "barred@example.com")
    tally = Tally(DeliveryCounts(rows.engine), ["a_route"], seconds=3600)
    deliverer = env.deliverer(build, retry=RetryPolicy(attempts=1), count=partial(tally.count, "email"))
    deliverer.deliver(ids)
    deliverer.deliver(ids)
    tally.close()
    found = rows.all("SELECT status::text AS status, count(*) AS count FROM deliveries GROUP BY status")
    expected = {CountKey("email", "a_route", row["status"]): row["count"] for row in found}
    assert counted(rows.engine) == expected | {CountKey("email", "a_route", ROUTE_ERROR): 1}
    assert {kind.status for kind in expected} == {"sent", "failed", "skipped", "suppressed"}
