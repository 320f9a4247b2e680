"""A backlog: rows wait in Postgres, the broker holds a bounded part of them, and its loss costs nothing."""

import time

import pytest
import redis
from sqlalchemy import Engine

from examples.activity import sample_items
from notifier.broker import queue_name
from notifier.outbox import Report
from sandbox.demo.reconciliation import reconcile
from sandbox.system import System
from tests.sql import Sql
from tests.system.test_path import Traffic, settled
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

ROWS = 2_000
HIGH_WATER = 300
WATCHED_SECONDS = 8.0  # several rounds of everything that looks again after two


def test_a_backlog_stays_in_postgres_and_never_multiplies(system: System, engine: Engine) -> None:
    system.options["NOTIFIER_QUEUE_HIGH_WATER"] = str(HIGH_WATER)
    system.start("bridge", "bridge")
    written = Traffic(system, sample_items(ROWS)).finish()
    pending = "SELECT count(*) AS n FROM deliveries WHERE status = 'pending'"
    wait_until(lambda: Sql(engine).one(pending)["n"] == ROWS, seconds=60)

    with redis.Redis.from_url(system.redis.url) as broker:
        watch(broker)
        broker.flushall()
        wait_until(lambda: int(broker.llen(queue_name("email"))) > 0, seconds=10)  # noticed within seconds
        watch(broker)

    system.start("worker", "worker", "email")
    report = Report(engine)
    wait_until(lambda: settled(report, ROWS), seconds=60)
    assert reconcile(written, system.ses.recipients()).exact


def watch(broker: redis.Redis) -> None:
    """The queue's length, asked all the time for a while."""
    until = time.monotonic() + WATCHED_SECONDS
    while time.monotonic() < until:
        assert int(broker.llen(queue_name("email"))) <= HIGH_WATER
