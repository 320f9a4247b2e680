"""The plans of frequent statements on tables of a million rows: each row is found by an index."""

import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status
from notifier.outbox import (
    Change,
    Decision,
    Partitions,
    Publications,
    Recipient,
    Report,
    Settlement,
    Unknowns,
    end_leases,
)
from notifier.outbox.delivery.unknowns import OverdueAction
from tests.outbox.rows import Rows

pytestmark = pytest.mark.timeout(180)

ROWS = 1_000_000
BIG = re.compile(r"^(deliveries|notifications|delivery_events|feedback)_\d{8}$")

FILL = """
INSERT INTO {table} SELECT
  (lpad(to_hex(CAST(:now AS bigint) - n % 60000), 12, '0') || '8000' || '8' || lpad(to_hex(n), 15, '0'))::uuid {more}
FROM generate_series(1, :rows) AS n
"""


@pytest.fixture
def filled(rows: Rows) -> Rows:
    """A million notifications of the last minute that are sent."""
    Partitions(rows.engine).ensure_around(datetime.now(UTC).date())
    now = int(time.time() * 1000)
    tables = {
        "notifications (notification_id, shard, sequence_number, route, channel, table_name, record)": (
            ", 1, n::text, 'a_route', 'email', 'activity', 'x'"
        ),
        "deliveries (notification_id, status, attempt, provider_message_id)": ", 'sent', 1, 'm-' || n",
    }
    for table, more in tables.items():
        with rows.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.execute(text(FILL.format(table=table, more=more)), {"now": now, "rows": ROWS})
    rows.run("ANALYZE")
    return rows


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is run, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def scans(engine: Engine, statement: str, parameters: Any) -> set[tuple[str, str]]:
    """How each big table is read, in the plan that Postgres makes."""
    with engine.connect() as connection:  # never committed; EXPLAIN does not run it
        answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
        sizes = "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_relation_size(oid) > 0"
        filled = set(connection.exec_driver_sql(sizes).scalars())  # a scan of an empty table costs nothing
    found: set[tuple[str, str]] = set()
    for node in nodes(answer):
        table = node.get("Relation Name", "")
        if BIG.match(table) and table in filled and node["Node Type"] != "ModifyTable":
            found.add((table, node["Node Type"]))
    return found


def nodes(plan: Any) -> Iterator[dict[str, Any]]:
    waiting = [plan[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        yield node


def handled(node: dict[str, Any]) -> float:
    """The rows that a node of a plan looked at, those that it dropped included."""
    dropped = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    return float(node["Actual Loops"] * (node["Actual Rows"] + dropped))


def test_every_hot_statement_finds_its_rows_by_index(filled: Rows, statements: list[tuple[str, Any]]) -> None:
    through = text("SELECT count(*) FROM deliveries WHERE recipient IS NULL")
    assert "Seq Scan" in {scan for _, scan in scans(filled.engine, str(through), ())}  # the check finds a scan
    ids = filled.pending(500)
    attempts, token = filled.attempts(), filled.attempts().token()
    statements.clear()

    assert len(loaded := attempts.load(ids)) == 500
    assert len(attempts.begin(token, [Recipient(id_, "ana@example.com") for id_ in ids], 60).begun) == 500
    changes = [Change(id_, Status.SENT, message_id=f"m-{id_}") for id_ in ids]
    assert len(attempts.finish(token, changes)) == 500
    assert len(statements) == 3  # one for each step, for all 500
    assert len(attempts.load_large_records(loaded[:10])) == 10

    _decide(filled, ids)
    _relay(filled)
    _settle(filled, ids)

    for statement, parameters in tuple(statements):
        if not statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "INSERT", "DELETE")):
            continue
        for table, scan in scans(filled.engine, statement, parameters):
            assert scan in {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, f"{scan} of {table}: {statement}"


def test_an_audit_reads_each_table_once_whatever_the_backlog(rows: Rows, statements: list[tuple[str, Any]]) -> None:
    """Measured by the rows that the nodes of the plan handle: no statistics are known of a new backlog."""
    for _ in range(4):
        rows.pending(1_000)
    statements.clear()
    assert Report(rows.engine).audit()[1] == []

    with rows.engine.connect() as connection:
        for statement, parameters in tuple(statements):
            if statement.lstrip().startswith("SET"):
                continue
            answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            assert max(map(handled, nodes(answer.scalar_one()))) < 3 * 4_000, statement


def test_begin_searches_waiting_events_once_for_all_ids(rows: Rows, statements: list[tuple[str, Any]]) -> None:
    ids, attempts = rows.pending(500), rows.attempts()
    token = attempts.token()
    statements.clear()
    attempts.begin(token, [Recipient(id_, "ana@example.com") for id_ in ids], 60.0)
    ((statement, parameters),) = statements
    rows.run("UPDATE deliveries SET status = 'pending', attempt = 0, token = NULL")
    with rows.engine.connect() as connection:  # never committed
        answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        plan = [*nodes(answer.scalar_one())]
    (begun,) = (each for each in plan if each.get("Subplan Name") == "CTE begun")
    assert begun["Actual Rows"] == 500
    searched = [each["Actual Loops"] for each in plan if each.get("Relation Name") == "unmatched_feedback"]
    assert searched == [1]


def _decide(rows: Rows, sent: list[UUID]) -> None:
    waiting = rows.pending(500)
    rows.attempts().decide([Change(id_, Status.SKIPPED) for id_ in waiting])
    rows.attempts().finish(
        uuid.uuid4(), [Change(id_, Status.FAILED) for id_ in sent]
    )  # none of them is of this token


def _relay(rows: Rows) -> None:
    late = rows.pending(500)
    rows.attempts().begin(uuid.uuid4(), [Recipient(id_, "ana@example.com") for id_ in late], 0)
    assert len(end_leases(rows.engine, unknown_after=0.0)) == 500
    Unknowns(rows.engine, 1.0).settle(lambda _: Decision(OverdueAction.RESEND, "for the test"))
    publications = Publications(rows.engine)
    publications.publish_due_retries(500)
    rows.run("UPDATE publications SET due_at = now()")
    assert publications.take_due("email", 10)


def _settle(rows: Rows, ids: list[UUID]) -> None:
    now = datetime.now(UTC)
    kinds = (FeedbackKind.SEND, FeedbackKind.BOUNCE)
    events = [Feedback(kind, f"m-{id_}", now, now, id_, 1, permanent=True) for id_ in ids for kind in kinds]
    assert Settlement(rows.engine, channel="email").settle(events).fresh == 1_000
