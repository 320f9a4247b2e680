"""The whole path with real processes, broken on purpose, counted in the provider's journal."""

import signal
import threading
from collections import Counter
from collections.abc import Iterable
from itertools import islice

import pytest
from sqlalchemy import Engine

from examples.activity import Item, sample_items
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.demo.demo import run_demo
from sandbox.demo.reconciliation import reconcile
from sandbox.embedded.processes import Child
from sandbox.system import System
from tests.sql import Sql
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)


class Traffic:
    """Events written in the background; `written` holds the recipients of those that DynamoDB acknowledged."""

    def __init__(self, system: System, items: Iterable[Item]) -> None:
        self.written: list[str] = []
        self._items = list(items)
        self._table = system.table()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        for item in self._table.write(self._items, batch=5):
            self.written.append(item["to"])

    def finish(self) -> list[str]:
        self._thread.join(60)
        assert len(self.written) == len(self._items)
        return self.written


def kill(child: Child) -> None:
    child.stop(signal.SIGKILL)


def settled(report: Report, events: int) -> bool:
    totals = report.totals()
    moving = totals.get(Status.PENDING, 0) + totals.get(Status.SENDING, 0)
    return sum(totals.values()) == events and not moving


def test_each_event_becomes_exactly_one_mail(system: System) -> None:
    seen: list[tuple[str, int]] = []
    result = run_demo(system, 200, lambda what, number: seen.append((what, number)))

    assert result.exact
    assert (result.events, result.records, result.notifications, result.accepted) == (200, 200, 200, 200)
    assert (result.lost, result.duplicated, result.unexpected, result.unknown) == (0, 0, 0, 0)
    assert ("written", 200) in seen
    assert ("accepted", 200) in seen


def test_two_bridges_record_every_record_once_also_when_one_is_killed(system: System, engine: Engine) -> None:
    bridges = {}
    for name in ("bridge-1", "bridge-2"):
        child = system.start(name, "bridge")
        bridges[child.pid] = child
    items = sample_items(300)
    written = Traffic(system, islice(items, 150)).finish()
    sql = Sql(engine)
    read = "SELECT coalesce(sum(records_read), 0) AS n FROM shards"
    wait_until(lambda: sql.one(read)["n"] >= 50, seconds=30)

    owner = sql.one("SELECT owner FROM shards WHERE owner IS NOT NULL")["owner"]
    kill(bridges[int(owner.split(":")[1])])
    written += Traffic(system, items).finish()

    wait_until(lambda: sql.one(read)["n"] == 300, seconds=30)
    assert sql.one("SELECT owner FROM shards")["owner"] != owner
    stored = sql.all("SELECT convert_from(record, 'utf8')::json #>> '{dynamodb,NewImage,to,S}' AS recipient "
                     "FROM notifications")  # fmt: skip
    assert Counter(row["recipient"] for row in stored) == Counter(written)
    assert sql.one("SELECT count(*) AS n FROM gaps")["n"] == 0
    shards, stranded = Report(engine).audit()
    assert [shard["notifications"] for shard in shards] == [300]
    assert stranded == []


def test_a_worker_that_is_killed_again_and_again_loses_nothing(system: System, engine: Engine) -> None:
    system.options["NOTIFIER_UNIT_SIZE"] = "20"  # so that there is something left for each worker
    system.start("bridge", "bridge")
    traffic = Traffic(system, sample_items(400))
    report = Report(engine)
    for number in range(4):
        before = system.ses.accepted()
        worker = system.start(f"worker-{number}", "worker", "email")
        wait_until(lambda goal=before + 40: system.ses.accepted() >= goal, seconds=30)  # type: ignore[misc]
        kill(worker)
    system.start("worker-last", "worker", "email")
    written = traffic.finish()

    wait_until(lambda: settled(report, 400), seconds=180)

    totals = report.totals()
    counted = reconcile(written, system.ses.recipients())
    assert (counted.duplicated, counted.unexpected) == (0, 0)
    assert totals.keys() <= {Status.SENT, Status.UNKNOWN}
    assert counted.lost <= totals.get(Status.UNKNOWN, 0)  # an answer was lost, and that is said; nothing else is
    assert counted.accepted >= totals[Status.SENT]
    assert report.audit()[1] == []


def test_the_broker_may_lose_everything(system: System, engine: Engine) -> None:
    system.start("bridge", "bridge")
    traffic = Traffic(system, sample_items(100))
    written = traffic.finish()
    report = Report(engine)
    wait_until(lambda: report.totals().get(Status.PENDING) == 100, seconds=30)

    system.redis.restart(keep_data=False)
    system.start("worker", "worker", "email")

    wait_until(lambda: settled(report, 100), seconds=60)
    assert reconcile(written, system.ses.recipients()).exact


def test_a_bridge_and_a_worker_stop_in_peace(system: System, engine: Engine) -> None:
    bridge, worker = system.start("bridge", "bridge"), system.start("worker", "worker", "email")
    Traffic(system, sample_items(20)).finish()
    wait_until(lambda: system.ses.accepted() == 20, seconds=30)

    bridge.stop(signal.SIGTERM)
    worker.stop(signal.SIGTERM)

    assert (bridge.exit_code, worker.exit_code) == (0, 0)
    assert Sql(engine).one("SELECT owner FROM shards")["owner"] is None
    assert "Traceback" not in bridge.log.read_text() + worker.log.read_text()


def test_postgres_may_restart_under_load(system: System, engine: Engine) -> None:
    system.start("bridge", "bridge")
    system.start("worker", "worker", "email")
    traffic = Traffic(system, sample_items(300))
    wait_until(lambda: system.ses.accepted() >= 30, seconds=30)
    engine.dispose()

    system.postgres.restart("immediate")
    written = traffic.finish()

    report = Report(engine)
    wait_until(lambda: settled(report, 300), seconds=90)
    counted = reconcile(written, system.ses.recipients())
    assert (counted.duplicated, counted.unexpected) == (0, 0)
    assert counted.lost <= report.totals().get(Status.UNKNOWN, 0)
