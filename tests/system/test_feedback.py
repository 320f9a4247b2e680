"""Lost answers and bad addresses, settled by the provider's own events."""

import json
import signal
from collections import Counter
from typing import Any
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import Engine

from examples.activity import sample_items
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.demo.demo import run_demo
from sandbox.demo.reconciliation import reconcile
from sandbox.system import System
from tests.sql import Sql
from tests.system.test_path import Traffic, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


def plan(system: System, *rules: dict[str, Any]) -> None:
    request = Request(f"{system.ses.url}/_sim/faults", json.dumps(rules).encode(), method="POST")
    urlopen(request, timeout=10).close()


def test_the_demos_mails_are_delivered(system: System, engine: Engine) -> None:
    result = run_demo(system, 50, lambda *_: None)
    assert (result.exact, result.delivered) == (True, 50)
    assert "delivered" not in result.summary()
    assert Report(engine).totals() == {Status.DELIVERED: 50}


def test_lost_answers_are_settled_by_events_and_nothing_is_sent_twice(system: System, engine: Engine) -> None:
    plan(
        system,
        {"kind": "accept_then_cut", "every": 3},
        {"kind": "error_after_accept", "every": 4},
        {"kind": "truncated", "body": "short", "every": 5},
    )
    system.options["NOTIFIER_SES_MODE"] = "single"  # a fault for every third mail, not for every third fifty
    for name in ("bridge", "feedback"):
        system.start(name, name)
    worker = system.start("worker-1", "worker", "email")
    traffic = Traffic(system, sample_items(100))
    wait_until(lambda: system.ses.accepted() >= 40, seconds=60)
    kill(worker)
    system.start("worker-2", "worker", "email")
    written = traffic.finish()

    report = Report(engine)

    def settled() -> bool:
        """What was killed before the provider had taken it stays unknown: there is nothing to settle it with."""
        counted, totals = reconcile(written, system.ses.recipients()), report.totals()
        return Counter(totals) == Counter({Status.DELIVERED: counted.accepted, Status.UNKNOWN: counted.lost})

    wait_until(settled, seconds=90)
    counted = reconcile(written, system.ses.recipients())
    assert (counted.duplicated, counted.unexpected) == (0, 0)
    sql = Sql(engine)
    proved = sql.one("SELECT count(*) AS n FROM delivery_events WHERE reason LIKE 'an event of attempt%'")["n"]
    assert proved > 10
    assert sql.one("SELECT count(*) AS n FROM duplicates")["n"] == 0


def test_what_becomes_of_a_mail_is_told_by_its_address(system: System, engine: Engine) -> None:
    fates = {
        "bounce": Status.BOUNCED,
        "complaint": Status.COMPLAINED,
        "delay": Status.DELIVERED,
        "ooto": Status.DELIVERED,
        "reject": Status.BOUNCED,
        "success": Status.DELIVERED,
    }
    names = [f"{name}+{number}" for name in fates for number in range(3)]
    samples = sample_items(len(names))
    items = [{**item, "to": f"{name}@example.com"} for name, item in zip(names, samples, strict=True)]
    system.start("bridge", "bridge")
    feedback = system.start("feedback", "feedback")
    system.start("worker", "worker", "email")
    Traffic(system, items).finish()

    sql = Sql(engine)
    wait_until(lambda: system.ses.get("/_sim/counts")["events"]["pending"] == 0, seconds=60)
    expected = Counter({status: 3 * count for status, count in Counter(fates.values()).items()})
    wait_until(lambda: Report(engine).totals() == expected, seconds=30)
    barred = sql.all("SELECT address, reason FROM suppressions ORDER BY address")
    assert [(row["address"], row["reason"]) for row in barred] == [
        *((f"bounce+{number}@example.com", "hard_bounce") for number in range(3)),
        *((f"complaint+{number}@example.com", "complaint") for number in range(3)),
    ]
    feedback.stop(signal.SIGTERM)
    assert feedback.exit_code == 0
    assert "@example.com" not in feedback.log.read_text()
