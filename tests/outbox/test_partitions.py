"""Partitions of days, made by the function that only their owner need be able to run."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from notifier.notifications import notification_id
from notifier.outbox import Partitions
from tests.outbox.rows import Rows

DAYS = st.dates(date(2011, 1, 1), date(2100, 1, 1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAYS)
@example(date(2024, 2, 29))
@example(date(2026, 3, 29))
def test_the_first_and_the_last_id_of_a_day_lie_in_its_partition(rows: Rows, day: date) -> None:
    Partitions(rows.engine).ensure([day])
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    for at in (start, start + 24 * 60 * 60 * 1000 - 1):
        rows.run("TRUNCATE deliveries")
        rows.run("INSERT INTO deliveries VALUES (:id)", id=notification_id("arn", "shard", "1", "route", at))
        found = rows.one("SELECT tableoid::regclass::text AS partition FROM deliveries")
        assert found["partition"] == f"deliveries_{day:%Y%m%d}"


def test_days_touch_and_the_timezone_of_the_session_moves_none(rows: Rows) -> None:
    rows.run("SET timezone = 'Pacific/Kiritimati'")
    days = [date(2026, 2, 28) + timedelta(days=number) for number in range(3)]
    for partitions in (Partitions(rows.engine), Partitions(rows.engine)):  # a second time does nothing
        partitions.ensure(days)
    bounds = rows.all(
        "SELECT pg_get_expr(relpartbound, oid) AS bound FROM pg_class "
        "WHERE relname ~ '^feedback_2026(0228|030[12])$' ORDER BY relname"
    )
    texts = [row["bound"].removeprefix("FOR VALUES ").replace("'", "").split() for row in bounds]
    assert [each[3] for each in texts[:-1]] == [each[1] for each in texts[1:]]


@pytest.mark.parametrize("table", ["shards", "deliveries; DROP TABLE shards", "pg_class", ""])
def test_only_the_tables_that_have_days_get_partitions(rows: Rows, table: str) -> None:
    with pytest.raises(DBAPIError, match="has no partitions of days"):
        rows.run("SELECT make_partition(:table, '2026-01-01')", table=table)


def test_what_a_failover_forgot_is_made_again(rows: Rows) -> None:
    """The commit that made a partition may be lost with the server that confirmed it."""
    day = date(2026, 3, 1)
    partitions = Partitions(rows.engine)
    partitions.ensure([day])
    for table in ("notifications", "deliveries", "delivery_events", "feedback"):
        rows.run(f"DROP TABLE {table}_{day:%Y%m%d}")
    with pytest.raises(DBAPIError), rows.engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    partitions.ensure([day])
    assert rows.one("SELECT count(*) AS n FROM pg_class WHERE relname = 'deliveries_20260301'")["n"] == 1
