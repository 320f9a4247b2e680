"""A long-lived snapshot keeps old row versions; frequent statements must not read them.

The measure is the pages that a statement reads, which does not depend on the load of the machine.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from notifier.outbox import DueScan, Publications, Recipient, Settlement, end_leases
from tests.outbox.rows import Rows

ROUNDS = 20_000


@pytest.fixture
def snapshot(database_url: str, rows: Rows) -> Iterator[None]:
    """A snapshot as pg_dump holds one."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM channels")
        yield
        connection.rollback()


def pages(rows: Rows, word: str, do: Callable[[], object]) -> int:
    """The pages that the statement with this word in it reads, when `do` runs it."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        if word in statement:
            seen.append((statement, parameters))

    event.listen(rows.engine, "before_cursor_execute", note)
    do()
    event.remove(rows.engine, "before_cursor_execute", note)
    ((statement, parameters),) = seen
    with rows.engine.connect() as connection:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        plan = connection.exec_driver_sql(explain, parameters).scalar_one()[0]["Plan"]
        connection.rollback()
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.usefixtures("snapshot")
def test_load_and_begin_do_not_read_what_each_batch_of_feedback_changes(rows: Rows) -> None:
    attempts = rows.attempts()

    def load() -> None:
        attempts.load(ids)

    def begin() -> None:
        attempts.begin(attempts.token(), [Recipient(id_, "ana@example.com") for id_ in ids], 60.0)

    Settlement(rows.engine, channel="email").note_settled_before()
    ids = rows.pending(1)
    before = pages(rows, "n.record", load), pages(rows, "barred", begin)
    rows.run(
        "DO $$ BEGIN FOR n IN 1..2000 LOOP UPDATE channel_events SET drained_at = clock_timestamp(); END LOOP; END $$"
    )
    ids = rows.pending(1)
    after = pages(rows, "n.record", load), pages(rows, "barred", begin)
    assert after[0] <= before[0] + 5
    assert after[1] <= before[1] + 20


CHURN = {
    "publications": "INSERT INTO publications (channel, notification_ids, due_at) "
    "SELECT 'email', '{}', now() - n * interval '1 ms' - interval '6 s' FROM generate_series(1, :rounds) AS n",
    "claims": "INSERT INTO claims (token, channel, worker, notification_ids, lease_until) "
    "SELECT gen_random_uuid(), 'email', 'w', '{}', now() - n * interval '1 ms' - interval '6 s' "
    "FROM generate_series(1, :rounds) AS n",
    "due": "INSERT INTO due (notification_id, kind, channel, due_at) "
    "SELECT gen_random_uuid(), 'retry', 'email', now() - n * interval '1 ms' - interval '6 s' "
    "FROM generate_series(1, :rounds) AS n",
}


@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("table", CHURN)
def test_a_queue_is_not_read_from_its_beginning_each_time(rows: Rows, table: str) -> None:
    publications, scan = Publications(rows.engine), DueScan()
    word, look = {
        "publications": ("min(p.due_at)", publications.queues_due),
        "claims": ("lease_until < now()", lambda: end_leases(rows.engine, scan=scan)),
        "due": ("kind = 'retry'", lambda: publications.publish_due_retries(500)),
    }[table]
    for _ in range(2):  # to know the time
        publications.queues_due()
        publications.publish_due_retries(500)
        end_leases(rows.engine, scan=scan)
    rows.run(CHURN[table], rounds=ROUNDS)
    rows.run(f"DELETE FROM {table}")
    assert pages(rows, word, look) < 20
    for each in (scan, publications._publications, publications._retries):
        each.reset()
    assert pages(rows, word, look) > 100  # without what they remember
