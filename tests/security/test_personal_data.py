"""Who is written to, and what, stays out of logs, metrics, the broker and Celery's events: those hold ids."""

import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from redis import Redis
from redis.exceptions import RedisError

from notifier.database.engine import connect
from notifier.notifications import Status
from notifier.outbox import Report
from sandbox.system import System
from tests.system.conftest import system
from tests.system.test_feedback import plan
from tests.system.test_health import Process
from tests.waiting import wait_until

__all__ = ["system"]

pytestmark = pytest.mark.timeout(180)

SECRET = "zauberwort"
ROUTES = """
from notifier import Email, Event, RetryPolicy, route

ONCE = RetryPolicy(attempts=1)


@route(table="activity", channel="email", match={"kind": ["good", "refused", "cut", "bad address"]}, retry=ONCE)
def good(event: Event) -> Email:
    return Email(to=event.new["to"], template="hello", context={"text": event.new["text"]})


@route(table="activity", channel="email", match={"kind": ["raises"]}, retry=ONCE)
def raises(event: Event) -> Email:
    raise LookupError(f"no such user: {event.new['to']} {event.new['text']}")


@route(table="activity", channel="email", match={"kind": ["wrong type"]}, retry=ONCE)
def wrong_type(event: Event) -> str:
    return event.new["to"]


@route(table="activity", channel="email", match={"kind": ["broken template"]}, retry=ONCE)
def broken_template(event: Event) -> Email:
    return Email(to=event.new["to"], template=event.new["text"], context={event.new["text"]: event.new["to"]})
"""
KINDS = ["good", "refused", "cut", "bad address", "raises", "wrong type", "broken template"]


class Monitor:
    """All that is asked of a Redis, keys and values."""

    def __init__(self, url: str) -> None:
        self.heard: list[str] = []
        self._redis = Redis.from_url(url, socket_timeout=None)  # it may be quiet for long
        self._monitor = self._redis.monitor()
        self._monitor.__enter__()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for command in self._monitor.listen():
                self.heard.append(command["command"])
        except (RedisError, OSError, ValueError):
            return

    def close(self) -> None:
        self._redis.close()


@pytest.fixture
def private_routes(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "code"
    (folder / "templates" / "hello").mkdir(parents=True)
    (folder / "private_routes.py").write_text(ROUTES)
    (folder / "templates" / "hello" / "subject.txt").write_text("{{ text }}")
    (folder / "templates" / "hello" / "body.txt").write_text("{{ text }}")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    system.options |= {"NOTIFIER_ROUTES": "private_routes", "NOTIFIER_LOG_LEVEL": "debug"}


@pytest.fixture
def monitor(system: System) -> Iterator[Monitor]:
    monitor = Monitor(system.redis.url)
    yield monitor
    monitor.close()


def address(kind: str, number: int) -> str:
    return (
        f"{SECRET} at example" if kind == "bad address" else f"{SECRET}.{kind.replace(' ', '-')}.{number}@example.com"
    )


def items() -> list[dict[str, Any]]:
    return [
        {
            "pk": f"user#{SECRET}-{number}",
            "sk": SECRET,
            "kind": kind,
            "to": address(kind, number),
            "text": f"{SECRET} {number}",
        }
        for number, kind in enumerate(KINDS * 3)
    ]


def tells(text: str) -> bool:
    """Whether it holds the secret, in base64 too: that is how Celery writes its events."""
    encoded = (b64decode(each + "==", validate=False) for each in re.findall(r"[A-Za-z0-9+/]{40,}", text))
    return SECRET in text or any(SECRET.encode() in each for each in encoded)


@pytest.mark.usefixtures("private_routes")
def test_logs_and_broker_hold_no_personal_data(system: System, monitor: Monitor) -> None:
    plan(
        system,
        {"kind": "refuse", "match": {"recipient": "*.refused.*"}},
        {"kind": "accept_then_cut", "match": {"recipient": "*.cut.*"}},
    )
    written = items()
    started = [
        Process(system, name, *words)
        for name, words in (("bridge", ["bridge"]), ("feedback", ["feedback"]), ("worker", ["worker", "email"]))
    ]
    list(system.table().write(written, batch=5))
    engine = connect(system.postgres.url("notifier"))
    report = Report(engine)

    def settled() -> bool:
        totals = report.totals()
        ended = sum(totals.get(each, 0) for each in (Status.DELIVERED, Status.FAILED, Status.UNKNOWN))
        return ended == len(written) == sum(totals.values())

    wait_until(settled, seconds=90)

    metrics = ""
    for each in started:
        for path in ("metrics", "healthz", "readyz"):
            with urlopen(f"http://127.0.0.1:{each.port}/{path}", timeout=10) as answer:
                metrics += answer.read().decode()
    totals = report.totals()
    engine.dispose()
    assert totals[Status.DELIVERED] > 0
    assert totals[Status.FAILED] >= 3 * 4
    logs = {child.name: child.log.read_text() for child in system.children}
    assert all(logs.values())
    assert [line for text in logs.values() for line in text.splitlines() if tells(line)] == []
    for name in ("notifier_outbox_due", "notifier_outcomes_total", "notifier_feedback_received_total"):
        assert name in metrics
    assert not tells(metrics)
    assert any("notifier.deliver" in each for each in monitor.heard)
    assert [each for each in monitor.heard if tells(each)] == []
