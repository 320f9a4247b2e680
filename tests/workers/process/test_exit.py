"""What a worker process ends with: 0 where it was asked to end, else not."""

from pathlib import Path
from signal import SIGTERM

import pytest

from sandbox.embedded.processes import Child
from sandbox.system import notifier_process


@pytest.fixture
def environment(database_url: str, broker_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "NOTIFIER_DATABASE_URL": database_url,
        "NOTIFIER_BROKER_URL": broker_url,
        "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
        "NOTIFIER_AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "NOTIFIER_ROUTES": "examples.notifications",
        "NOTIFIER_SENDER": "us@example.com",
        "NOTIFIER_SES_CONFIGURATION_SET": "notifier",
        "NOTIFIER_HEARTBEAT_FOLDER": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


def run(how: str, folder: Path, environment: dict[str, str]) -> Child:
    return notifier_process(
        "worker", [how, "worker", "email"], folder, environment, "tests.workers.process.broken_worker"
    )


def is_ready(worker: Child) -> bool:
    return " ready." in worker.log.read_text()


def test_it_is_asked_to_end(tmp_path: Path, environment: dict[str, str]) -> None:
    with run("asked", tmp_path, environment) as worker:
        worker.wait_until(lambda: is_ready(worker))
        worker.stop(SIGTERM)
        assert worker.exit_code == 0


@pytest.mark.parametrize(("how", "code"), [("error", 1), ("terminate", 1), ("exit", 3), ("leave", 1)])
def test_it_ends_by_itself(tmp_path: Path, environment: dict[str, str], how: str, code: int) -> None:
    with run(how, tmp_path, environment) as worker:
        assert worker._wait(60) == code
