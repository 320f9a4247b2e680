"""The day of a partition is read from its name, by any plan: Postgres may compute it for every relation there is."""

import pytest
from sqlalchemy import Connection, event

from notifier.outbox import Retention
from notifier.outbox.history.calendar import read_days
from notifier.outbox.history.listing import list_a_part
from notifier.outbox.history.old_days import days_kept
from tests.outbox.history.history import KEEP, OLD, day, partitions, recorded, settled
from tests.outbox.rows import Rows

JOINS = frozenset(("hashjoin", "mergejoin", "nestloop"))


@pytest.fixture(params=sorted(JOINS))
def plan(rows: Rows, request: pytest.FixtureRequest) -> None:
    """Every statement is planned with one kind of join, and without the indexes of the catalog."""
    off = [f"SET LOCAL enable_{join} = off" for join in JOINS - {request.param}]

    @event.listens_for(rows.engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(
            "; ".join([*off, "SET LOCAL enable_indexscan = off", "SET LOCAL enable_bitmapscan = off"])
        )


@pytest.mark.usefixtures("plan")
def test_days_are_counted_listed_and_dropped(rows: Rows) -> None:
    recorded(rows, OLD)
    recorded(rows, 3)
    settled(Retention(rows.engine, KEEP))
    with rows.engine.begin() as connection:
        assert [each.day for each in read_days(connection) if each.counted] == [day(3)]
        assert days_kept(connection, KEEP).overdue == {}
        while list_a_part(connection):
            pass
        assert any(each.day == day(3) and each.listed for each in read_days(connection))
    assert day(OLD) not in partitions(rows)


@pytest.mark.usefixtures("plan")
def test_a_relation_with_the_name_of_no_day_has_none(rows: Rows) -> None:
    names = rows.all("SELECT relname FROM pg_class WHERE day_of_partition(relname) IS NOT NULL")
    assert {each["relname"][:-9] for each in names} <= {"notifications", "deliveries", "delivery_events", "feedback"}


def test_functions_look_up_what_they_name_where_the_tables_are(rows: Rows) -> None:
    """A migration that replaces a function must set its search path again."""
    lacking = rows.all(
        "SELECT proname FROM pg_proc JOIN pg_language l ON l.oid = prolang "
        "WHERE pronamespace = current_schema()::regnamespace AND proname <> ALL (:others) "
        "AND (l.lanname = 'plpgsql' OR proname = 'uncounted_until') "
        "AND NOT coalesce(array_to_string(proconfig, ' ') LIKE '%search_path%', false)",
        # The first is called by a function that has one; the others read no table.
        others=["know_ids", "item_keys", "keep_opt_out"],
    )
    assert lacking == []
