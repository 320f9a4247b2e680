"""`notifier console` as a process."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import Child
from sandbox.system import notifier_process


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {"NOTIFIER_DATABASE_URL": database_url, "NOTIFIER_CONSOLE_PORT": str(free_port())}


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Iterator[Child]:
    with notifier_process("console", ["console"], tmp_path, environment) as child:
        yield child


def test_it_serves_on_loopback_says_who_may_come_in_and_ends(process: Child, environment: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{environment['NOTIFIER_CONSOLE_PORT']}"
    process.wait_until(lambda: _answers(url), 60)
    page = httpx.get(url, trust_env=False).text
    assert "No access is configured" in page
    assert "no access is configured" in process.log.read_text()
    process.stop(signal.SIGTERM)
    assert process.exit_code == 0, process.log.read_text()
    assert not re.search("Traceback", process.log.read_text())


def test_what_keeps_it_from_starting_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for changed, words in (
            ({"NOTIFIER_CONSOLE_PORT": port}, "the console cannot listen on 127.0.0.1"),
            ({"NOTIFIER_CONSOLE_ADDRESS": "0.0.0.0"}, "visitors would need no login"),
        ):
            with notifier_process(
                f"console-{len(words)}", ["console"], tmp_path, {**environment, **changed}
            ) as child:
                child.wait_until(lambda child=child: child.exit_code is not None, 60)
                assert child.exit_code == 2
                assert words in child.log.read_text()
                assert "Traceback" not in child.log.read_text()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False
