"""A short run with a fixed seed; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.faults.kinds import GROUPS
from tests.chaos.oracle import judge
from tests.chaos.run import Plan, run
from tests.waiting import SLOWNESS

PATIENCE = 150.0 * SLOWNESS


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")


@pytest.mark.timeout(300)
def test_each_event_is_one_mail_whatever_breaks(tmp_path: Path) -> None:
    plan = Plan(seed=11, events=600, faults=10, seconds=16.0, patience=PATIENCE, groups=GROUPS)

    history = run(plan, tmp_path, lambda *_: None)

    found = judge(history)
    assert found.good, found
    assert history.run["settled"]
    assert found.events >= 600
    assert found.kills + found.cuts > 0
    assert found.connections_cut + found.calls_failed > 20
    assert min(found.digests, found.merged, found.high_lane, found.low_lane, found.later, found.fallback) > 0


@pytest.mark.timeout(300)
def test_a_server_that_would_forget_its_last_seconds_forgets_nothing_of_ours(tmp_path: Path) -> None:
    forgetful = {"synchronous_commit": "off", "wal_writer_delay": "10000ms"}
    plan = Plan(
        seed=12,
        events=600,
        faults=1,
        seconds=60.0 * SLOWNESS,
        patience=PATIENCE,
        groups=["postgres: immediate restart"],
        postgres=forgetful,
    )
    history = run(plan, tmp_path, lambda *_: None)
    found = judge(history)
    assert found.good, found
    assert found.kills == 1
    assert history.run["settled"]


@pytest.mark.timeout(300)
def test_second_mails_after_a_failover_that_lost_commits_are_counted(tmp_path: Path) -> None:
    plan = Plan(
        seed=13,
        events=600,
        faults=1,
        seconds=60.0 * SLOWNESS,
        patience=PATIENCE,
        groups=["postgres: failover"],
        replica="asynchronous",
    )
    history = run(plan, tmp_path, lambda *_: None)
    found = judge(history)
    assert found.good, found
    assert found.failovers == 1
    assert history.run["settled"]
