from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.messages import Email
from notifier.routes import Routes, route, routes_of
from sandbox.embedded.streams import StreamsServer, streams_simulator
from tests.bridge.environment import BridgeEnvironment
from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]


@route(table="activity", match={"type": ["friend_request"]}, channel="email")
def friend_request(event: object) -> Email | None:
    return None


@pytest.fixture
def routes() -> Routes:
    return Routes(routes_of(friend_request))


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamsServer]:
    with streams_simulator(tmp_path_factory.mktemp("streams")) as server:
        yield server


@pytest.fixture
def environment(
    database_url: str,
    broker_url: str,
    simulator: StreamsServer,
    aws_credentials: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[BridgeEnvironment]:
    """Bridges of this test, and the stream that they read."""
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", str(tmp_path))
    simulator.post("reset")
    yield BridgeEnvironment(database_url, broker_url, simulator)
    simulator.clear_faults()
