"""What slows sending down or stops it, with two workers under load: rate, throttling, a blocked account, bounces."""

import json
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import redis
from sqlalchemy import Engine

from examples.activity import sample_items
from notifier.broker import queue_name
from notifier.notifications import Status
from notifier.outbox import ChannelStates, Report
from sandbox.demo.reconciliation import reconcile
from sandbox.embedded.ses import SesServer, ses_simulator
from sandbox.system import System
from tests.sql import Sql
from tests.system.test_path import Traffic, settled
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

RATE = 50
BURST = 25  # half a second late is not too fast
PROBE_SECONDS = 0.5
SENDING = "SELECT count(*) AS n FROM deliveries WHERE status = 'sending'"


@pytest.fixture
def strict(system: System, tmp_path: Path) -> Iterator[SesServer]:
    """An SES that takes little more than its rate at once, in the place of the system's own."""
    (tmp_path / "strict").mkdir()
    with ses_simulator(tmp_path / "strict", "--rate", str(RATE), "--burst", str(BURST)) as ses:
        system.options["NOTIFIER_AWS_SES_ENDPOINT_URL"] = ses.url
        yield ses


def workers(system: System) -> None:
    for name in ("one", "two"):
        system.start(name, "worker", "email", "--name", f"{name}@%h")


def tell(ses: SesServer, method: str, *rules: dict[str, Any]) -> None:
    request = Request(f"{ses.url}/_sim/faults", json.dumps(rules).encode(), method=method)
    urlopen(request, timeout=10).close()


def wake(sql: Sql) -> None:
    """What waits for its next attempt has waited long enough."""
    sql.run("UPDATE deliveries SET next_attempt_at = now() WHERE status = 'pending' AND next_attempt_at > now()")
    sql.run("UPDATE due SET due_at = now()")


def counts(ses: SesServer) -> dict[str, Any]:
    found: dict[str, Any] = ses.get("/_sim/counts")
    return found


def test_two_workers_keep_to_one_rate_and_a_redis_without_memory_does_not_double_it(
    system: System, engine: Engine, strict: SesServer
) -> None:
    system.start("bridge", "bridge")
    workers(system)
    traffic = Traffic(system, sample_items(8 * RATE))
    with redis.Redis.from_url(system.redis.url) as broker:
        for part in (2, 4):
            wait_until(lambda: strict.accepted() >= part * RATE, seconds=60)  # noqa: B023
            broker.flushall()
    written = traffic.finish()
    wait_until(lambda: settled(Report(engine), len(written)), seconds=90)

    assert counts(strict)["throttled"] == 0
    assert reconcile(written, strict.recipients()).exact


def test_throttled_answers_slow_down_both_workers_and_burn_no_attempt(
    system: System, engine: Engine, strict: SesServer
) -> None:
    tell(strict, "POST", {"kind": "throttle", "times": 3})
    system.start("bridge", "bridge")
    workers(system)
    written = Traffic(system, sample_items(4 * RATE)).finish()

    with redis.Redis.from_url(system.redis.url, decode_responses=True) as broker:
        wait_until(lambda: float(broker.hget("notifier:rate:email", "factor") or 1) < 1, seconds=60)
    sql = Sql(engine)
    wait_until(lambda: sum(counts(strict)["faults"].values()) >= 3 and not sql.one(SENDING)["n"], seconds=60)
    wake(sql)
    wait_until(lambda: settled(Report(engine), len(written)), seconds=120)

    assert reconcile(written, strict.recipients()).exact
    assert sql.one("SELECT max(failures) AS n FROM deliveries")["n"] == 0


def test_a_blocked_account_is_probed_by_one_worker_at_a_time_and_all_that_waited_is_sent_once(
    system: System, engine: Engine
) -> None:
    system.options["NOTIFIER_PROBE_SECONDS"] = str(PROBE_SECONDS)
    channels = ChannelStates(engine, actor="test")
    sql = Sql(engine)
    blocked = {"kind": "refuse", "code": "SendingPausedException", "message": "Sending is paused.", "status": 400}
    tell(system.ses, "POST", blocked)
    system.start("bridge", "bridge")
    workers(system)
    written = Traffic(system, sample_items(300)).finish()
    wait_until(lambda: channels.state("email").state == "parked", seconds=60)
    wait_until(lambda: not sql.one(SENDING)["n"])

    def attempts() -> tuple[int, int]:
        row = sql.one("SELECT max(probes) AS probes, (SELECT sum(attempt) FROM deliveries) AS n FROM channels")
        return int(row["probes"]), int(row["n"])

    probes, begun = attempts()
    wait_until(lambda: attempts()[0] >= probes + 3, seconds=60)
    later, since = attempts()
    assert since - begun <= later - probes  # one message for a probe, by any worker

    tell(system.ses, "DELETE")
    wait_until(lambda: channels.state("email").runs, seconds=60)
    wake(sql)
    wait_until(lambda: settled(Report(engine), len(written)), seconds=90)
    assert reconcile(written, system.ses.recipients()).exact
    assert sql.one("SELECT max(failures) AS n FROM deliveries")["n"] == 0


def test_bounces_pause_the_channel_before_ses_would_and_the_alarm_says_why(system: System, engine: Engine) -> None:
    names = [f"{'bounce' if number % 20 == 0 else 'success'}+{number}" for number in range(1_300)]
    samples = sample_items(len(names))
    items = ({**item, "to": f"{name}@example.com"} for name, item in zip(names, samples, strict=True))
    system.start("bridge", "bridge")
    feedback = system.start("feedback", "feedback")
    workers(system)
    Traffic(system, islice(items, 1_200)).finish()
    channels = ChannelStates(engine, actor="test")
    wait_until(lambda: channels.state("email").state == "paused", seconds=120)
    sql = Sql(engine)
    wait_until(lambda: not sql.one(SENDING)["n"])
    accepted = system.ses.accepted()

    Traffic(system, items).finish()
    wait_until(lambda: sum(Report(engine).totals().values()) == len(names), seconds=60)
    with redis.Redis.from_url(system.redis.url) as broker:  # the workers have looked at all of it
        wait_until(lambda: not broker.llen(queue_name("email")) and not broker.hlen("unacked"), seconds=60)

    reason = channels.state("email").reason or ""
    assert "hard bounces in 24 hours" in reason
    assert "the limit is 4.00%" in reason
    feedback.stop(signal.SIGTERM)
    assert "ALARM: channel paused" in feedback.log.read_text()
    assert system.ses.accepted() == accepted
    assert Report(engine).totals()[Status.PENDING] >= 100
