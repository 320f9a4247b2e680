"""How many deliveries there are, at a bounded cost."""

from typing import Any

from notifier.outbox import Report
from notifier.outbox.history.calendar import read_days
from notifier.outbox.operator.totals import day_pages, estimate_deliveries, snapshot
from tests.outbox.history.history import day, recorded
from tests.outbox.rows import Rows
from tests.outbox.test_plans import statements
from tests.outbox.test_waiting import OTHERS, others, read_rows

__all__ = ["others", "statements"]


def test_a_day_with_few_deliveries_is_counted(rows: Rows) -> None:
    rows.pending(3)
    (found,) = Report(rows.engine).estimates()
    assert (found["channel"], found["status"], found["deliveries"]) == ("email", "pending", 3)
    assert not found["estimated"]
    assert [found] == Report(rows.engine).counts()


def test_of_a_day_with_many_deliveries_a_part_is_read(others: Rows, statements: list[tuple[str, Any]]) -> None:
    statements.clear()
    (found,) = estimate_deliveries(others.engine, exact_pages=100, sampled_pages=100)
    assert found["status"] == "sent"
    assert found["estimated"]
    assert 0.5 * OTHERS < found["deliveries"] < 1.5 * OTHERS
    assert read_rows(others.engine, statements) < OTHERS


def test_a_day_that_is_dropped_meanwhile_has_no_pages(rows: Rows) -> None:
    recorded(rows, 3)
    with snapshot(rows.engine) as connection:
        assert day(3) in {each.day for each in read_days(connection)}
        rows.run(f"DROP TABLE deliveries_{day(3):%Y%m%d} CASCADE")
        assert day_pages(connection)[day(3)] == 0


def test_a_day_that_is_over_is_not_read(others: Rows) -> None:
    others.run("INSERT INTO days (day, state) SELECT day_of_partition(c.relname), 'counted' FROM pg_inherits i "
               "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('deliveries')")  # fmt: skip
    assert estimate_deliveries(others.engine, exact_pages=0) == []
