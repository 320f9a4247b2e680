"""The runbook docs/restore.md as an operator follows it: `backup` makes a dump under load, the volume of
the database is destroyed, and the commands of the page bring all of it back without a second mail.
"""

import os
import re
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.feedback.queue import FeedbackQueue
from examples.activity import Item, sample_items
from notifier.database.engine import connect
from notifier.outbox import Report
from sandbox.demo.reconciliation import Reconciliation, reconcile
from sandbox.system import TABLE, local_session
from sandbox.table import EventTable
from tests.docker.production import ARCHIVE, QUEUE, Production, block, production, set_up
from tests.docker.stack import docker, reason_to_skip
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_200)]

PAGE = "docs/restore.md"
EVENTS = 150


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Production]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    if os.geteuid() != 0:
        pytest.skip("production.yml was not tried: root alone may give the files of secrets to another user")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with production(tmp_path) as made:
        yield made


class Events:
    """Sample events, each for a recipient of its own."""

    def __init__(self, system: Production) -> None:
        settings = system.settings()
        self._table = EventTable(settings, TABLE, local_session(settings))
        self._items = sample_items(EVENTS)
        self.written: list[str] = []

    def write(self, count: int) -> None:
        some: Iterator[Item] = islice(self._items, count)
        self.written += [each["to"] for each in self._table.write(some, batch=5)]

    def reconcile(self, system: Production) -> Reconciliation:
        return reconcile(self.written, (line["to"] for line in system.journal()))


def is_empty(system: Production, url: str) -> bool:
    """What `aws sqs get-queue-attributes` shows: nothing waits in the queue, and nothing is being read."""
    queue = FeedbackQueue(system.settings().model_copy(update={"feedback_queue_url": url}))
    try:
        return queue.depth() == 0
    finally:
        queue.close()


def destroy_database(system: Production) -> None:
    """The volume is gone; a new server starts with an empty database."""
    system.servers.compose("rm", "--stop", "--force", "--volumes", "postgres")
    volume = f"{system.servers.name}_postgres"
    docker("volume", "rm", volume)
    system.servers.compose("up", "--detach", "--wait", "postgres")


def part(text: str, **values: str) -> str:
    """The block of the page that contains this text, with values in place of its own. Without the commands that look
    whether something is done: the test waits for that in its own way.
    """
    commands = [each for each in block(PAGE, text).splitlines() if not re.match(r"aws |sleep |sudo ls ", each)]
    script = "\n".join(commands)
    for name, value in values.items():
        script = script.replace(name, value)
    return script.replace("run --rm ", "run --rm --no-TTY ")


def audit(system: Production) -> dict[str, Any]:
    said = system.compose("run", "--rm", "--no-TTY", "operator", "audit", "--json")
    found: dict[str, Any] = orjson.loads(said.splitlines()[-1])
    return found


def test_no_mail_is_sent_twice_by_the_commands_of_the_page(system: Production) -> None:
    set_up(system)
    events = Events(system)
    events.write(EVENTS // 3)
    wait_until(lambda: len(system.journal()) > 0, seconds=120)
    under_load = threading.Thread(target=events.write, args=(EVENTS // 3,))
    under_load.start()
    dump = system.compose("run", "--rm", "--no-TTY", "backup", "dump").split()[-1]
    under_load.join()
    events.write(EVENTS // 3)
    wait_until(lambda: len(system.journal()) >= EVENTS, seconds=120)
    wait_until(lambda: is_empty(system, QUEUE), seconds=120, message="feedback has read and deleted all events")

    system.shell(part("sleep 120"))
    destroy_database(system)
    system.shell(part("backup restore", **{"/backups/notifier-2026-01-31T020000.dump": dump}))
    engine = connect(system.database_url())
    report, sql = Report(engine), Sql(engine)
    known = sum(report.totals().values())
    assert 0 < known < EVENTS, "the dump has all events, or none: it was not made under load"
    system.shell(part("--name archive-feedback", ARCHIVE_URL=ARCHIVE))
    wait_until(lambda: is_empty(system, ARCHIVE), seconds=120)
    system.shell(part("docker stop archive-feedback"))
    wait_until(lambda: is_empty(system, QUEUE), seconds=120)
    system.shell(part("operator shards"))
    wait_until(lambda: sql.one("SELECT sum(records_read) AS n FROM shards")["n"] == EVENTS, seconds=120)
    system.compose("up", "--detach")

    def settled() -> bool:
        totals = report.totals()
        return totals.get("delivered", 0) == EVENTS == sum(totals.values())

    wait_until(settled, seconds=180)
    wait_until(lambda: sql.all("SELECT notification_id FROM unmatched_feedback") == [], seconds=120)
    engine.dispose()
    count = events.reconcile(system)
    assert (count.accepted, count.lost, count.duplicated, count.unexpected) == (EVENTS, 0, 0, 0)
    found = audit(system)
    assert (found["balanced"], found["duplicates"], found["gaps"]) == (True, [], [])
