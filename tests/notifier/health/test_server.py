"""`/metrics`, `/healthz` and `/readyz` over real HTTP."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from notifier.health import server
from notifier.health.beats import STALE_SECONDS
from notifier.health.conditions import Condition, ProcessHealth
from notifier.health.heartbeat import Heartbeat
from notifier.health.server import serving
from sandbox.embedded.allocation import free_port
from tests.waiting import wait_until


class Process:
    """A process, as its conditions see it."""

    def __init__(self, folder: Path) -> None:
        self.heartbeat = Heartbeat("worker", folder)
        self.stops = False
        self.loop = self.database = ""
        self.health = ProcessHealth(
            "worker",
            self.heartbeat,
            lambda: self.stops,
            alive=[Condition("loops", lambda: self.loop)],
            ready=[Condition("database", lambda: self.database)],
        )


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


@pytest.fixture
def port(process: Process) -> Iterator[int]:
    port = free_port()
    with serving(port, "127.0.0.1", process.health):
        yield port


def got(port: int, path: str) -> tuple[int, Any]:
    """Return the status and the JSON of an answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_process_that_works(port: int) -> None:
    body = {"process": "worker", "ok": True, "checks": {"heartbeat": "ok", "loops": "ok"}}
    assert got(port, "/healthz") == (200, body)
    assert got(port, "/readyz") == (200, {**body, "checks": {**body["checks"], "database": "ok"}})  # type: ignore[dict-item]


def test_what_it_waits_for_makes_it_unready_and_not_unhealthy(process: Process, port: int) -> None:
    process.database = "the database does not answer"
    assert got(port, "/healthz")[0] == 200
    status, body = got(port, "/readyz")
    assert (status, body["ok"], body["checks"]["database"]) == (503, False, "the database does not answer")
    process.database = ""
    assert got(port, "/readyz")[0] == 200


def test_a_loop_that_hangs_makes_it_unhealthy_and_unready(process: Process, port: int) -> None:
    process.loop = "the thread 'relay' hangs"
    for path in ("/healthz", "/readyz"):
        status, body = got(port, path)
        assert (status, body["checks"]["loops"]) == (503, "the thread 'relay' hangs")


def test_a_main_loop_that_hangs_beats_no_more(process: Process, port: int) -> None:
    process.heartbeat._beaten_at -= STALE_SECONDS + 1
    status, body = got(port, "/healthz")
    assert (status, body["checks"]["heartbeat"]) == (503, f"last made progress {STALE_SECONDS + 1:.0f} s ago")
    process.heartbeat.beat()
    assert got(port, "/healthz")[0] == 200


def test_a_heartbeat_file_that_cannot_be_written_is_not_the_end(process: Process, port: int) -> None:
    """A full disk: `notifier health` reads the file, and `/healthz` what happens."""
    process.heartbeat._path = Path("/proc/none")
    process.heartbeat._beaten_at -= STALE_SECONDS + 1
    process.heartbeat.beat()
    assert got(port, "/healthz")[0] == 200


def test_a_process_that_ends_is_healthy_and_not_ready(process: Process, port: int) -> None:
    process.stops, process.loop = True, "the thread 'relay' has ended"
    assert got(port, "/healthz") == (200, {"process": "worker", "ok": True, "checks": {"stop": "this process ends"}})
    assert got(port, "/readyz")[0] == 503


def test_the_metrics_are_prometheus_text(process: Process, port: int) -> None:
    process.database = "away"
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = {family.name: family for family in text_string_to_metric_families(text)}
    (info,) = found["notifier_info"].samples
    assert info.labels["process"] == "worker"
    assert info.labels["version"]
    assert info.labels["python"].startswith("3.")
    assert found["notifier_healthy"].samples[0].value == 1
    assert found["notifier_ready"].samples[0].value == 0
    assert "process_resident_memory_bytes" in found
    assert all(family.documentation for family in found.values())


def test_an_unknown_path_names_the_known_ones(port: int) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"http://127.0.0.1:{port}/"), timeout=10)
    assert (refused.value.code, refused.value.read()) == (404, b"/metrics, /healthz, /readyz\n")


def test_no_port_serves_nothing(process: Process) -> None:
    with serving(0, "127.0.0.1", process.health):
        assert not serving_threads()


def serving_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "metrics"]


def test_a_port_in_use_is_a_warning_and_is_served_once_it_is_free(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "AGAIN_SECONDS", 0.02)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with capture_logs() as logs, serving(port, "127.0.0.1", process.health):
        assert [(each["log_level"], each["port"]) for each in logs] == [("warning", port)]
        assert "NOTIFIER_METRICS_PORT" in logs[0]["event"]
        taken.close()
        wait_until(lambda: len(logs) == 2)
        assert got(port, "/healthz")[0] == 200


def test_a_server_that_ends_as_soon_as_it_has_begun(process: Process) -> None:
    for _ in range(20):
        with serving(free_port(), "127.0.0.1", process.health):
            (thread,) = serving_threads()
        assert not thread.is_alive()


def test_an_address_that_is_none_is_a_warning(process: Process) -> None:
    with capture_logs() as logs, serving(free_port(), "no.such.host.invalid", process.health):
        pass
    assert [each["log_level"] for each in logs] == ["warning"]


def test_ipv6(process: Process) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    port = free_port()
    with capture_logs() as logs, serving(port, "::1", process.health):
        if logs:
            pytest.skip("this machine has no IPv6")
        with urlopen(f"http://[::1]:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
