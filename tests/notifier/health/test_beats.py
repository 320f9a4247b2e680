"""`notifier health` as a container runs it: it says what the whole command says, and imports little."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from notifier.cli import app
from notifier.health.beats import PROCESSES, STALE_SECONDS, answer_quickly
from notifier.health.heartbeat import Heartbeat

FOLDER = "NOTIFIER_HEARTBEAT_FOLDER"


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("trouble", "seconds"), [("", 0), ("no database", 0), ("", STALE_SECONDS + 5), (None, 0)])
def test_it_says_what_the_whole_command_says(
    process: str,
    trouble: str | None,
    seconds: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    if trouble is not None:
        Heartbeat(process).beat(trouble)
        beaten_at = time.time() - seconds
        os.utime(tmp_path / f"notifier-{process}.beat", (beaten_at, beaten_at))
    whole = CliRunner().invoke(app, ["health", process])
    code = answer_quickly([process], os.environ)
    assert (code, capsys.readouterr().out) == (whole.exit_code, whole.stdout)
    assert code == (0 if trouble == "" and not seconds else 1)


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        ([], {}),
        (["nobody"], {}),
        (["--help"], {}),
        (["bridge", "--json"], {}),
        (["bridge"], {FOLDER: " /tmp"}),
        (["bridge"], {FOLDER: '"/tmp"'}),
        (["bridge"], {FOLDER.lower(): "/tmp"}),
    ],
)
def test_all_else_is_left_to_the_whole_command(
    words: list[str], variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer_quickly(words, variables) is None
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read_is_left_to_it_too(tmp_path: Path) -> None:
    (tmp_path / "notifier-bridge.beat").mkdir()
    assert answer_quickly(["bridge"], {FOLDER: str(tmp_path)}) is None


def test_it_imports_neither_settings_nor_the_command_line(tmp_path: Path) -> None:
    """They took 0.8 s of CPU, every 15 seconds in each container."""
    program = (
        "import atexit, sys; from notifier.__main__ import main; sys.argv = ['notifier', 'health', 'bridge']\n"
        "atexit.register(lambda: print(sorted({'pydantic', 'typer', 'structlog'} & sys.modules.keys()))); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, FOLDER: str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "bridge has not started here\n[]\n", "")
