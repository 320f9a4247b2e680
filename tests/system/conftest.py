from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.database.engine import connect
from sandbox.system import System, running_servers

IMPATIENT = {
    "NOTIFIER_SHARD_LEASE_SECONDS": "4",
    "NOTIFIER_SEND_LEASE_SECONDS": "4",
    "NOTIFIER_VISIBILITY_SECONDS": "3",
    "NOTIFIER_LOOK_AGAIN_SECONDS": "2",
}


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """All servers, and nothing running on them yet. Leases and visibility end soon, so that tests need not wait."""
    for name in ("NOTIFIER_TABLES", "NOTIFIER_ROUTES", "NOTIFIER_TEMPLATES", "NOTIFIER_SENDER"):
        monkeypatch.delenv(name, raising=False)
    with running_servers(tmp_path, durable=False) as system:
        system.options.update(IMPATIENT)
        yield system


@pytest.fixture
def engine(system: System) -> Iterator[Engine]:
    engine = connect(system.postgres.url("notifier"))
    yield engine
    engine.dispose()
