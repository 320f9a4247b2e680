"""Failing routes, at a bounded cost."""

from typing import Any

from notifier.notifications import Status
from notifier.outbox import Report, Retention
from notifier.outbox.operator.failures import estimate_failing
from tests.notifier.cli.test_failing_routes import raises
from tests.outbox.history.history import OLD, at, settled
from tests.outbox.rows import Rows
from tests.outbox.search.items import record_of, recorded
from tests.outbox.test_plans import statements
from tests.outbox.test_waiting import OTHERS, others, read_rows

__all__ = ["others", "statements"]

DAYS = 7


def broken(rows: Rows) -> None:
    """Let every fourth of them fail because of its route."""
    rows.run(
        "UPDATE deliveries SET status = 'failed', reason = 'KeyError', ended_at = now() "
        "WHERE abs(hashtext(notification_id::text)) % 4 = 0"
    )
    rows.run(
        "INSERT INTO delivery_events (notification_id, status_from, status_to, attempt, actor) "
        "SELECT notification_id, 'pending', 'failed', 1, 'worker-1' FROM deliveries WHERE status = 'failed'"
    )
    rows.run("ANALYZE")


def test_few_failures_are_counted(rows: Rows) -> None:
    ids = rows.pending(3)
    raises(rows, ids[:1], 1, Status.FAILED)
    raises(rows, ids[1:], 2)
    (found,) = Report(rows.engine).failing_estimates(DAYS)
    assert (found["route"], found["failed"], found["retried"], found["estimated"]) == ("a_route", 1, 2, False)
    assert [found] == Report(rows.engine).failing(DAYS)


def test_of_a_day_with_many_deliveries_a_part_is_read(others: Rows, statements: list[tuple[str, Any]]) -> None:
    broken(others)
    statements.clear()
    (found,) = estimate_failing(others.engine, DAYS, sampled_pages=100)
    assert found["estimated"]
    assert 0.5 * OTHERS / 4 < found["failed"] < 1.5 * OTHERS / 4
    assert read_rows(others.engine, statements) < OTHERS
    assert [found] == estimate_failing(others.engine, DAYS, sampled_pages=100)


def test_of_many_failures_a_part_is_looked_up(others: Rows, statements: list[tuple[str, Any]]) -> None:
    broken(others)
    ((exact,), (found,)) = Report(others.engine).failing(DAYS), estimate_failing(others.engine, DAYS, looked_at=100)
    assert abs(found["failed"] - exact["failed"]) <= 1
    assert (found["estimated"], exact["estimated"]) == (True, False)


def test_of_a_listed_day_the_newest_failures_are_read(rows: Rows, retention: Retention) -> None:
    ids = recorded(rows, [record_of("user#1")] * 6, at=at(3))
    raises(rows, ids[:5], 1, Status.FAILED)
    settled(retention)
    (exact,), (found,) = (
        Report(rows.engine).failing(OLD),
        estimate_failing(rows.engine, OLD, newest_listed=3, looked_at=2),
    )
    assert (exact["failed"], exact["estimated"]) == (5, False)
    assert (found["failed"], found["estimated"]) == (3, True)


def test_that_more_failures_are_listed_is_said(rows: Rows, retention: Retention) -> None:
    ids = recorded(rows, [record_of("user#1")] * 6, at=at(3))
    raises(rows, ids[:5], 1, Status.FAILED)
    settled(retention)
    for listed, shown in ((3, (3, True)), (5, (5, False))):
        (found,) = estimate_failing(rows.engine, OLD, newest_listed=listed)
        assert (found["failed"], found["estimated"]) == shown


def test_only_the_last_days_count(rows: Rows) -> None:
    ids = recorded(rows, [record_of("user#1")] * 2, at=at(20))
    raises(rows, ids, 1, Status.FAILED)
    for days, found in ((DAYS, 0), (20, 2)):
        assert sum(each["failed"] for each in Report(rows.engine).failing(days)) == found
        assert sum(each["failed"] for each in estimate_failing(rows.engine, days)) == found
