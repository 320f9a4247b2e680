"""Partitions of days, created by a function of the tables' owner."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from notifier.notifications import notification_id
from notifier.outbox import Page, Partitions, Quarantined
from notifier.outbox.stream.pages import MOST_DAYS, further_of
from tests.outbox.rows import Rows

DAYS = st.dates(date(2011, 1, 1), date(2100, 1, 1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DAYS)
@example(date(2024, 2, 29))
@example(date(2026, 3, 29))
def test_the_first_and_the_last_id_of_a_day_are_in_its_partition(rows: Rows, day: date) -> None:
    Partitions(rows.engine).ensure([day])
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    for at in (start, start + 24 * 60 * 60 * 1000 - 1):
        rows.run("TRUNCATE deliveries")
        rows.run("INSERT INTO deliveries VALUES (:id)", id=notification_id("arn", "shard", "1", "route", at))
        found = rows.one("SELECT tableoid::regclass::text AS partition FROM deliveries")
        assert found["partition"] == f"deliveries_{day:%Y%m%d}"


def test_partitions_are_adjacent_in_any_timezone_of_the_session(rows: Rows) -> None:
    rows.run("SET timezone = 'Pacific/Kiritimati'")
    days = [date(2026, 2, 28) + timedelta(days=number) for number in range(3)]
    for partitions in (Partitions(rows.engine), Partitions(rows.engine)):  # the second time changes nothing
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


def test_a_partition_that_a_failover_lost_is_created_again(rows: Rows) -> None:
    """The commit that created a partition may be lost with the server that confirmed it."""
    day = date(2026, 3, 1)
    partitions = Partitions(rows.engine)
    partitions.ensure([day])
    for table in ("notifications", "deliveries", "delivery_events", "feedback"):
        rows.run(f"DROP TABLE {table}_{day:%Y%m%d}")
    with pytest.raises(DBAPIError), rows.engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    partitions.ensure([day])
    assert rows.one("SELECT count(*) AS n FROM pg_class WHERE relname = 'deliveries_20260301'")["n"] == 1


def of_days(rows: Rows, days: int) -> Page:
    """Return a page whose records are of so many days, in no order."""
    at = [int(datetime(2012, 1, 1, tzinfo=UTC).timestamp() * 1000) + n * 37 % days * 86_400_000 for n in range(days)]
    made = [rows.notification(number, created) for number, created in enumerate(at, 1)]
    return Page(str(days + 1), datetime.now(UTC), made, [Quarantined("after 7: odd", b"{}", "odd")], 3)


def test_a_page_of_very_many_days_is_recorded_with_few_locks_at_a_time(rows: Rows) -> None:
    held: list[int] = []

    @event.listens_for(rows.engine, "commit")
    def _(connection: Connection) -> None:
        held.append(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()")) or 0)

    days = MOST_DAYS + 7
    recorded = rows.record(of_days(rows, days))
    assert sum(len(each.ids) for each in recorded) == days
    assert rows.one("SELECT count(*) AS rows FROM notifications") == {"rows": days}
    shard = rows.one(
        "SELECT checkpoint, records_read, records_notified, records_unrouted, last_record_at FROM shards"
    )
    assert shard.pop("last_record_at")
    assert shard == {
        "checkpoint": str(days + 1),
        "records_read": days + 4,
        "records_notified": days,
        "records_unrouted": 3,
    }
    assert max(held) < 5 * MOST_DAYS


def test_partitions_that_were_created_before_an_error_stay(rows: Rows) -> None:
    good, bad = date(2012, 5, 1), date(2012, 5, 3)
    partitions = Partitions(rows.engine)
    rows.run("CREATE DOMAIN feedback_20120503 AS int")
    with pytest.raises(DBAPIError):
        partitions.ensure([bad, good])
    rows.run("DROP DOMAIN feedback_20120503")
    partitions.ensure([bad, good])
    made = "SELECT count(*) AS made FROM pg_inherits WHERE inhrelid::regclass::text ~ '_2012050[13]$'"
    assert rows.one(made) == {"made": 8}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 2)), max_size=20), st.integers(1, 4))
def test_the_parts_of_a_page_together_are_the_page(rows: Rows, records: list[tuple[int, int]], most: int) -> None:
    made = [
        rows.notification(number, day * 86_400_000 + n + 1)
        for number, (day, count) in enumerate(records, 1)
        for n in range(count)
    ]
    page = Page(str(len(records)), datetime.now(UTC), made, [Quarantined("1", b"{}", "odd")], 2, further_of(made))
    parts = page.parts(most)
    assert [each for part in parts for each in part.notifications] == made
    assert sum(part.read for part in parts) == page.read
    assert (parts[-1].checkpoint, parts[-1].last_record_at) == (page.checkpoint, page.last_record_at)
    assert parts[0].quarantined == page.quarantined
    for part in parts:
        assert len({each.day for each in part.notifications}) <= most
    for part, following in pairwise(parts):
        assert part.notifications[-1].sequence_number == part.checkpoint
        assert following.notifications[0].sequence_number != part.checkpoint
