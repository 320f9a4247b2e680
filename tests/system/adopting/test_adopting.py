"""The whole move of docs/adopting.md, from an older system to Notifier and back: nothing is lost or sent twice."""

import json
import math
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from notifier.outbox import Report
from sandbox.system import CREDENTIALS, System
from tests.notifier.cli.in_process import run
from tests.system.adopting.older_system import OlderSystem
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

LEAD_SECONDS = 15
"""Between the decision for a time and that time: the processes with the earlier settings must have ended by then."""


class Product:
    """The application that writes to the table, and Notifier beside the older system."""

    def __init__(self, system: System, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system, self.report = system, Report(engine)
        self.written: list[str] = []
        self._patch = monkeypatch
        self._table = system.table()
        self._starts = 0

    def write(self, count: int = 1) -> None:
        first = len(self.written)
        items = [
            {"pk": f"user#{number}", "sk": "welcome", "to": f"ana{number}@example.com", "name": f"Ana {number}"}
            for number in range(first, first + count)
        ]
        self.written += [item["to"] for item in self._table.write(items)]

    def write_until(self, moment: float) -> None:
        while time.time() < moment:
            self.write()
            time.sleep(0.1)

    def restart(self, **settings: str) -> None:
        """End bridge and worker, and start them with these settings that restrict who gets messages."""
        running = self.system.children[-2:] if self._starts else []
        for child in running:
            child.ask_to_stop()
        for child in running:
            child.stop()
        names = ("NOTIFIER_SHADOW", "NOTIFIER_SHADOW_UNTIL", "NOTIFIER_SHADOW_FROM")
        for name in names:
            self.system.options.pop(name, None)
            self._patch.delenv(name, raising=False)
        self.system.options.update(settings)
        for name, value in {**self.system.environment, **CREDENTIALS}.items():
            self._patch.setenv(name, value)
        self._starts += 1
        self.system.start(f"bridge-{self._starts}", "bridge")
        self.system.start(f"worker-{self._starts}", "worker", "email")

    def each_has_one_mail(self) -> bool:
        return Counter(self.system.ses.recipients()) == Counter(self.written)

    def totals(self, *statuses: str) -> int:
        totals = self.report.totals()
        return sum(totals.get(each, 0) for each in statuses)


@pytest.fixture
def product(system: System, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Product:
    folder = tmp_path / "templates" / "welcome"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Welcome, {{ name }}")
    (folder / "body.txt").write_text("Hello")
    system.options |= {"NOTIFIER_ROUTES": "tests.system.adopting.routes", "NOTIFIER_TEMPLATES": str(folder.parent)}
    return Product(system, engine, monkeypatch)


def compared(file: Path) -> tuple[int, dict[str, Any]]:
    done = run("compare", str(file), "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_from_a_lambda_to_notifier_and_back(product: Product, tmp_path: Path) -> None:
    sent = tmp_path / "sent.jsonl"
    with OlderSystem(product.system, sent) as older:
        product.restart(NOTIFIER_SHADOW="true")
        product.write(20)
        wait_until(lambda: product.each_has_one_mail() and product.totals("shadowed") == 20, seconds=60)
        code, found = compared(sent)
        assert (code, found["same"], found["shadowed"]) == (0, 20, 20)
        assert "NOTIFIER_SHADOW is on" in run("doctor", "--only", "restrictions").stdout

        cut_over = math.ceil(time.time()) + LEAD_SECONDS
        older.until = cut_over
        product.restart(NOTIFIER_SHADOW_UNTIL=iso(cut_over))
        assert time.time() < cut_over
        product.write_until(cut_over + 3)
        wait_until(product.each_has_one_mail, seconds=60)
        assert product.totals("sent", "delivered") > 0
        assert product.totals("shadowed") > 20

        back = math.ceil(time.time()) + LEAD_SECONDS
        older.since = back
        product.restart(NOTIFIER_SHADOW_UNTIL=iso(cut_over), NOTIFIER_SHADOW_FROM=iso(back))
        assert time.time() < back
        ours = product.totals("sent", "delivered")
        product.write_until(back + 3)
        wait_until(product.each_has_one_mail, seconds=60)
        assert product.totals("sent", "delivered") > ours

        wait_until(lambda: product.totals("pending", "sending") == 0, seconds=30)
        wait_until(lambda: product.totals("shadowed", "sent", "delivered") == len(product.written), seconds=30)
        assert product.each_has_one_mail()
        assert (compared(sent)[0], run("audit").returncode) == (0, 0)


def test_an_older_system_that_stops_early_loses_nothing(product: Product, tmp_path: Path) -> None:
    """Its time is moved back, and an operator redrives what is in shadow: only what it did not send is sent."""
    sent = tmp_path / "sent.jsonl"
    with OlderSystem(product.system, sent) as older:
        product.restart(NOTIFIER_SHADOW="true")
        product.write(5)
        wait_until(product.each_has_one_mail, seconds=60)
        last = math.floor(time.time())
        wait_until(lambda: time.time() >= last + 1)  # the times of records are whole seconds
        older.until = stopped = math.floor(time.time())
        product.write(5)
        wait_until(lambda: product.totals("shadowed") == 10, seconds=60)
        code, found = compared_until(sent, iso(time.time() + 60))
        assert (code, found["only_shadowed"]) == (1, 5)

        product.restart(NOTIFIER_SHADOW_UNTIL=iso(stopped))
        done = run("redrive", "--shadowed", "--all", "--reason", "the older system stopped early")
        assert done.returncode == 0, done.stderr
        wait_until(product.each_has_one_mail, seconds=60)
        wait_until(lambda: product.totals("shadowed") == 5, seconds=60)
        assert product.each_has_one_mail()


def compared_until(file: Path, until: str) -> tuple[int, dict[str, Any]]:
    done = run("compare", str(file), "--until", until, "--json")
    return done.returncode, json.loads(done.stdout.splitlines()[-1])
