"""One of many events kills the process that builds it: the others are sent, and it fails with the reason."""

from pathlib import Path

import pytest

from notifier.notifications import Status
from notifier.outbox import Suspects
from sandbox.embedded.ses import SesServer
from tests.outbox.rows import Rows
from tests.poison.trial import Trial
from tests.waiting import wait_until
from tests.workers.conftest import engine, rows, ses, templates_path

__all__ = ["engine", "rows", "ses", "templates_path"]

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def trial(
    rows: Rows, ses: SesServer, tmp_path: Path, templates_path: Path, database_url: str, broker_url: str
) -> Trial:
    return Trial(rows, ses, tmp_path, database_url, broker_url, visibility=2)


@pytest.mark.parametrize(
    ("kind", "crashes", "reason"),
    [
        ("kill", 1, "killed by SIGKILL"),
        ("regex", 1, "one call did not release"),
        ("memory", 0, "out of memory"),
    ],
)
def test_a_route_that_kills_its_worker_fails_alone(trial: Trial, kind: str, crashes: int, reason: str) -> None:
    result = trial.run(kind, healthy=40, seconds=180)
    assert (result.sent, result.failed) == (40, 1), trial.worker_log()
    assert reason in result.reason
    assert result.reason.startswith("its worker died 3 times while building it")
    assert result.crashes == crashes, trial.worker_log()
    assert result.runs == 3
    assert trial.rows.all("SELECT * FROM suspects") == []


def test_stops_in_the_middle_of_its_build_cost_an_event_nothing(trial: Trial) -> None:
    """With the setting here, the second death would make it fail."""
    environment = {**trial.environment, "NOTIFIER_BUILD_LOSSES": "2"}
    (slow,) = trial.pending("sleep", healthy=0)
    Suspects(trial.rows.engine).mark([slow])
    for _ in range(2):
        # As the relay does: a second delivery that comes while the first is in progress is acknowledged, and what a
        # worker gives back after that is no longer in the broker.
        trial.publish([slow])
        worker = trial.worker(environment)
        wait_until(lambda: trial.suspects()[slow]["begun_by"], 60)
        worker.stop()
        assert worker.exit_code == 0, trial.worker_log()
        assert trial.suspects() == {slow: {"deaths": 0, "begun_by": None}}, trial.worker_log()
    assert trial.count(Status.PENDING) == 1
