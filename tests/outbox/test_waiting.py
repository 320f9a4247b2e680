"""What deliveries wait for, with many others in the outbox."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.outbox import Partitions, Publications, Report
from notifier.outcomes import Blocked
from tests.notifier.cli.status.test_waiting import gave_back, refuse
from tests.outbox.rows import Rows
from tests.outbox.test_plans import BIG, FILL, handled, nodes, statements

__all__ = ["statements"]

OTHERS = 20_000


@pytest.fixture
def others(rows: Rows) -> Rows:
    """Many notifications of the last minute that are sent."""
    Partitions(rows.engine).ensure_around(datetime.now(UTC).date())
    tables = {
        "notifications (notification_id, shard, sequence_number, route, channel, table_name, record)": (
            ", 1, 'x' || n, 'a_route', 'email', 'activity', 'x'"
        ),
        "deliveries (notification_id, status, attempt)": ", 'sent', 1",
    }
    values = {"now": int(time.time() * 1000), "rows": OTHERS}
    for table, more in tables.items():
        with rows.engine.begin() as connection:
            connection.execute(text(FILL.format(table=table, more=more)), values)
    rows.run("ANALYZE")
    return rows


def test_only_deliveries_that_wait_are_read(others: Rows, statements: list[tuple[str, Any]]) -> None:
    refuse(others, others.pending(3), Blocked("is paused", within="tenant blue"))
    statements.clear()
    (found,) = Report(others.engine).waiting().parked
    assert (found["part"], found["deliveries"], found["because"]) == ("tenant blue", 3, "tenant blue is parked")
    assert read_rows(others.engine, statements) <= 12


def test_a_delivery_whose_turn_has_come_still_waits(rows: Rows) -> None:
    ids = rows.pending(3)
    gave_back(rows, ids, "gone")
    rows.run("UPDATE due SET due_at = now()")
    rows.run("UPDATE deliveries SET next_attempt_at = now()")
    assert Publications(rows.engine).publish_due_retries(10) == 3
    (found,) = Report(rows.engine).waiting().routes
    assert (found["route"], found["deliveries"], found["because"]) == ("gone", 3, "has no route")


def test_of_very_many_retries_a_part_is_read(others: Rows) -> None:
    others.run(
        "UPDATE deliveries SET status = 'pending', reason = CASE WHEN abs(hashtext(notification_id::text)) % 4 = 0 "
        "THEN 'tenant blue is parked: is paused' ELSE 'timeout' END"
    )
    others.run(
        "INSERT INTO due (notification_id, kind, channel, due_at) "
        "SELECT notification_id, 'retry', 'email', now() FROM deliveries"
    )
    (found,) = Report(others.engine).waiting().parked
    assert 0.8 * OTHERS / 4 < found["deliveries"] < 1.2 * OTHERS / 4


def read_rows(engine: Engine, statements: list[tuple[str, Any]]) -> float:
    """Return how many rows of deliveries and notifications these statements read."""
    count = 0.0
    with engine.connect() as connection:
        for statement, parameters in tuple(statements):
            if statement.lstrip().startswith("SET"):
                continue
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
            count += sum(handled(node) for node in nodes(plan) if BIG.match(node.get("Relation Name", "")))
    return count
