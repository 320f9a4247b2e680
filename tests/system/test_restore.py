"""A backup is restored while SES's events are still in the queue: the steps of docs/restore.md, on real parts."""

import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from bridge.feedback.queue import FeedbackQueue
from examples.activity import sample_items
from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.demo.reconciliation import reconcile
from sandbox.embedded.postgres import PostgresServer
from sandbox.embedded.postgres_programs import postgres_programs
from sandbox.embedded.processes import Child
from sandbox.system import System
from tests.sql import Sql
from tests.system.test_path import Traffic, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

EVENTS = 120
DATABASE = "notifier"


def run(program: str, *words: str | Path) -> None:
    subprocess.run([postgres_programs() / program, *words], check=True, capture_output=True, timeout=120)


def snapshot(postgres: PostgresServer, file: Path) -> None:
    run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={postgres.url(DATABASE)}")


def restore(postgres: PostgresServer, file: Path) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
    postgres.create_database(DATABASE)
    run("pg_restore", f"--dbname={postgres.url(DATABASE)}", file)


def start(system: System, *names: str) -> dict[str, Child]:
    return {name: system.start(name, name, *(["email"] if name == "worker" else [])) for name in names}


def by_the_runbook(system: System, sql: Sql) -> None:
    """Feedback until the queue is empty, then bridges until the streams are read, then workers."""
    start(system, "feedback")
    queue = FeedbackQueue(system.settings)
    wait_until(lambda: queue.depth() == 0, seconds=60)
    queue.close()
    start(system, "bridge")
    wait_until(lambda: sql.one("SELECT sum(records_read) AS n FROM shards")["n"] == EVENTS, seconds=60)
    start(system, "worker")


def all_at_once(system: System, _: Sql) -> None:
    """The steps are not followed: second mails leave before their events are read."""
    start(system, "worker", "bridge", "feedback")


@pytest.mark.parametrize("begin", [by_the_runbook, all_at_once], ids=lambda begin: begin.__name__)
def test_each_second_mail_is_prevented_or_counted(
    system: System, tmp_path: Path, begin: Callable[[System, Sql], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    file = tmp_path / "backup"
    before = start(system, "bridge", "worker")
    items = sample_items(EVENTS)
    written = Traffic(system, islice(items, EVENTS // 3)).finish()
    wait_until(lambda: system.ses.accepted() > 0, seconds=60)
    under_load = Traffic(system, islice(items, EVENTS // 3))
    snapshot(system.postgres, file)
    written = written + under_load.finish() + Traffic(system, items).finish()
    wait_until(lambda: system.ses.accepted() == EVENTS, seconds=60)
    for child in before.values():
        kill(child)

    restore(system.postgres, file)
    engine = connect(system.postgres.url(DATABASE))
    sql, report = Sql(engine), Report(engine)
    known = sum(report.totals().values())
    begin(system, sql)

    def settled() -> bool:
        totals = report.totals()
        return totals.get(Status.DELIVERED, 0) == EVENTS == sum(totals.values())

    def counted() -> bool:
        extra = reconcile(written, system.ses.recipients()).duplicated
        return sql.one("SELECT count(*) AS n FROM duplicates")["n"] == extra

    try:
        wait_until(lambda: settled() and counted(), seconds=120)
        wait_until(lambda: sql.all("SELECT notification_id FROM unmatched_feedback") == [], seconds=90)
        count = reconcile(written, system.ses.recipients())
        assert (count.lost, count.unexpected) == (0, 0)
        assert count.duplicated == 0 or begin is all_at_once
        assert known < EVENTS
        assert report.audit()[1] == []
    finally:
        engine.dispose()
