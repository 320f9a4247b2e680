"""Every statement touches the partitions of its own ids, and no others, however many days there are."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event

from notifier.database import connect
from notifier.notifications import Status, first_id
from notifier.outbox import Operations, Partitions, Report, Selection
from notifier.outbox.days import spans, within
from tests.outbox.rows import Rows
from tests.security import errands

MORE_DAYS = 60
_DAY_MS = 24 * 60 * 60 * 1000
_HISTORY = re.compile(r"\b(deliveries|notifications|delivery_events|feedback)\b")

_LOCKED = """
SELECT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relname ~ '_[0-9]{8}$' ORDER BY c.relname
"""

Seen = dict[str, tuple[str, Any]]


def by_id(rows: Rows, engine: Engine) -> None:
    """What operators ask of single notifications."""
    ids = rows.pending(3)
    report, operations = Report(engine), Operations(engine, actor="eva")
    assert report.show(ids[0])
    assert report.events(ids[0]) == report.feedback(ids[0]) == []
    assert operations.count(Selection(ids=ids), Status.PENDING) == 3
    assert operations.count_maybe_sent(Selection(ids=ids)) == 0
    assert sum(operations.cancel(Selection(ids=ids[:2]), "for the test")) == 2
    rows.in_status(Status.FAILED)
    failed = rows.in_status(Status.FAILED)
    assert sum(operations.redrive(Selection(ids=[failed]), "for the test", per_second=10)) == 1


ERRANDS = {"bridge": errands.bridge, "worker": errands.worker, "feedback": errands.feedback, "by id": by_id}


@contextmanager
def noted(engine: Engine) -> Iterator[Seen]:
    """The statements that read or write a table of days, by their text without ids, with their parameters."""
    seen: Seen = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> None:
        if _HISTORY.search(statement):
            seen[re.sub(r"'[0-9a-f-]{36}'|/\* \d+ \*/", "", statement)] = (statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def locked(url: str, statement: str, parameters: Any, mode: str) -> list[str]:
    """The partitions and their indexes that a plan of this kind locks; nothing of it is committed."""
    with psycopg.connect(url) as connection:
        connection.execute(f"SET plan_cache_mode = force_{mode}_plan".encode())
        connection.execute(statement.encode(), parameters, prepare=True)
        names = [row[0] for row in connection.execute(_LOCKED)]
        connection.rollback()
    return names


def days_of(names: list[str]) -> set[str]:
    return {name for each in names if (name := re.sub(r"\D*_(\d{8}).*", r"\1", each))}


@pytest.mark.parametrize("name", ERRANDS)
def test_no_statement_locks_more_where_there_are_more_days(rows: Rows, database_url: str, name: str) -> None:
    engine = connect(database_url)
    try:
        with noted(engine) as seen:
            ERRANDS[name](rows, engine)
    finally:
        engine.dispose()
    assert seen
    today = datetime.now(UTC).date()

    def all_locked() -> dict[tuple[str, str], list[str]]:
        return {
            (mode, plain): locked(database_url, statement, parameters, mode)
            for plain, (statement, parameters) in seen.items()
            for mode in ("generic", "custom")
        }

    few = all_locked()
    Partitions(rows.engine).ensure(today - timedelta(days=back) for back in range(10, 10 + MORE_DAYS))
    many = all_locked()
    for (mode, plain), names in few.items():
        assert many[mode, plain] == names, (mode, plain)
    assert any(days_of(names) == {f"{today:%Y%m%d}"} for names in few.values())  # the test would tell
