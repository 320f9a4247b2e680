from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.ses_server import SesServer, ses_simulator
from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]


@pytest.fixture(scope="module")
def ses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SesServer]:
    with ses_simulator(tmp_path_factory.mktemp("ses")) as server:
        yield server


@pytest.fixture
def templates_path(tmp_path: Path) -> Path:
    folder = tmp_path / "templates" / "hello"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Hello {{ name }}")
    (folder / "body.txt").write_text("Dear {{ name }}, hello.")
    return folder.parent
