"""The buyer and the seller of an order, from the stream to their mails, with real processes."""

import signal
from collections import Counter

import pytest
from sqlalchemy import Engine

from notifier.notifications import Status
from notifier.outbox import Report
from notifier.outbox.operator.totals import balances
from sandbox.system import System
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

ORDERS, OFFERS, OTHERS = 20, 5, 3


def test_an_order_becomes_a_mail_to_its_buyer_and_one_to_its_seller(system: System, engine: Engine) -> None:
    system.options["NOTIFIER_ROUTES"] = "tests.system.beside.routes"
    kinds = ["order"] * ORDERS + ["offer"] * OFFERS + ["other"] * OTHERS
    items = [
        {"pk": f"order#{n}", "sk": "1", "kind": kind, "buyer": f"buyer-{n}@example.com",
         "seller": f"seller-{n}@example.com"} for n, kind in enumerate(kinds)
    ]  # fmt: skip
    first = system.start("bridge-1", "bridge")
    list(system.table().write(items[:10], batch=5))
    report = Report(engine)
    wait_until(lambda: sum(report.totals().values()) > 0, seconds=60)
    first.stop(signal.SIGKILL)  # its records are read by the next one, and none becomes two rows
    system.start("bridge-2", "bridge")
    system.start("worker", "worker", "email")
    list(system.table().write(items[10:], batch=5))

    sent = 2 * ORDERS + OFFERS
    wait_until(lambda: report.totals().get(Status.SENT, 0) + report.totals().get(Status.DELIVERED, 0) == sent, 120)
    expected = [item["buyer"] for item in items if item["kind"] == "order"]
    expected += [item["seller"] for item in items if item["kind"] in ("order", "offer")]
    assert Counter(system.ses.recipients()) == Counter(expected)

    wait_until(lambda: sum(row["records_read"] for row in report.shards()) == len(items), seconds=60)
    shards, stranded = report.audit()
    assert stranded == []
    assert all(balances(row) for row in shards)
    sums = {name: sum(row[name] for row in shards) for name in ("records_read", "notified", "notifications")}
    assert sums == {"records_read": len(items), "notified": ORDERS + OFFERS, "notifications": sent}
