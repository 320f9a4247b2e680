"""Which rows a rewind and a replay read to find what their records have become before."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from notifier.notifications import notification_id
from notifier.outbox import NewNotification, Partitions
from notifier.outbox.rewinds.corrections import Corrected, correct_records
from notifier.outbox.rewinds.pages import MOST_SECONDS
from tests.outbox.conftest import engine, rows
from tests.outbox.rows import ARN, Rows

__all__ = ["engine", "rows"]

SECONDS, BUSY = 50, 20
START = int(time.time()) - 5_000
INSERT_BUSY = """
INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record)
SELECT (lpad(to_hex(CAST(:start + s AS bigint) * 1000), 12, '0') || substr(md5(s || '-' || i), 1, 20))::uuid,
       :shard, CAST(i AS text), 'busy', 'email', 'busy', 'x'
FROM generate_series(0, :seconds - 1) s, generate_series(1, :busy) i
"""


@pytest.fixture
def quiet(rows: Rows) -> Rows:
    """A shard with one record a second, beside one with BUSY records a second that are notified."""
    Partitions(rows.engine).ensure({datetime.fromtimestamp(START + n, UTC).date() for n in (0, SECONDS)})
    with rows.engine.begin() as connection:
        values = {"start": START, "shard": rows.lease.shard, "seconds": SECONDS, "busy": BUSY}
        connection.execute(text(INSERT_BUSY), values)
    rows.run("ANALYZE notifications")
    return Rows(rows.engine, "shardId-2")


def notification(number: int, route: str = "quiet") -> NewNotification:
    id_ = notification_id(ARN, "shardId-2", str(number), route, (START + number) * 1000)
    return NewNotification(id_, str(number), route, "email", "quiet", b"{}")


@contextmanager
def scanned(connection: Connection) -> Iterator[list[int]]:
    """The number of rows of `notifications` that each statement in the block reads by ranges of ids."""
    found: list[int] = []

    def count(_: Any, cursor: Any, sql: str, values: Any, *__: Any) -> None:
        if "AS moment" in sql:
            plan = cursor.connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values).fetchone()[0]
            found.append(sum(rows_read(plan[0]["Plan"])))

    event.listen(connection, "before_cursor_execute", count)
    yield found
    event.remove(connection, "before_cursor_execute", count)


def rows_read(plan: dict[str, Any]) -> Iterator[float]:
    if plan.get("Relation Name", "").startswith("notifications"):
        yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    for each in plan.get("Plans", ()):
        yield from rows_read(each)


def correct(shard: Rows, made: list[NewNotification]) -> tuple[Corrected, list[int]]:
    with shard.engine.begin() as connection, scanned(connection) as found:
        return correct_records(connection, shard.lease.shard, "quiet", made, ()), found


def test_each_look_up_reads_few_seconds_of_the_other_tables(quiet: Rows) -> None:
    done, found = correct(quiet, [notification(number) for number in range(SECONDS)])
    assert done.first == SECONDS
    assert len(found) == -(-SECONDS // MOST_SECONDS)
    assert max(found) <= MOST_SECONDS * (BUSY + 1)


def test_what_is_recorded_is_found_by_its_id(quiet: Rows) -> None:
    """A rewind of a table that has its notifications reads those of no other table."""
    correct(quiet, [notification(number) for number in range(SECONDS)])
    done, found = correct(quiet, [notification(number) for number in range(SECONDS)])
    assert (done, found) == (([], 0, 0), [])

    renamed = [notification(number, "renamed") for number in range(3)]
    done, found = correct(quiet, [*renamed, *(notification(number) for number in range(3, SECONDS))])
    assert done == ([], 0, 0)
    assert sum(found) == 3 * (BUSY + 1)
