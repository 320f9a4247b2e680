"""The checks of a worker whose main loop hangs: a real process."""

import signal
from pathlib import Path

from sandbox.embedded.allocation import free_port
from tests.notifier.health.test_server import got
from tests.workers.process.test_exit import environment, run

__all__ = ["environment"]


def test_a_main_loop_that_hangs_is_not_healthy(tmp_path: Path, environment: dict[str, str]) -> None:
    port = free_port()
    with run("hang", tmp_path, environment | {"NOTIFIER_METRICS_PORT": str(port)}) as worker:

        def answer(path: str, status: int) -> dict[str, str]:
            try:
                found, body = got(port, path)
            except OSError:
                return {}
            return body["checks"] if found == status else {}

        assert worker.wait_until(lambda: answer("/healthz", 200)).keys() == {"heartbeat", "progress"}
        checks = worker.wait_until(lambda: answer("/healthz", 503))
        assert checks["progress"].startswith("the main loop has not turned for ")
        worker.wait_until(lambda: answer("/healthz", 503).get("heartbeat", "").startswith("last made progress"))
        worker.stop(signal.SIGKILL)
