"""The heartbeat file of a process, and `notifier health`, which reads it."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from notifier.cli import app
from notifier.errors import SettingsError
from notifier.health.beats import STALE_SECONDS
from notifier.health.heartbeat import Heartbeat
from notifier.health.write_health import WriteHealth
from tests.workers.process.test_in_progress import Clock


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", str(tmp_path))
    return tmp_path


def test_a_process_that_records_nothing_is_not_healthy(folder: Path) -> None:
    heartbeat = Heartbeat("bridge", folder)
    heartbeat.beat()
    assert CliRunner().invoke(app, ["health", "bridge"]).exit_code == 0

    heartbeat.beat("nothing could be recorded for 40 s: ReadOnlySqlTransaction 25006")

    told = CliRunner().invoke(app, ["health", "bridge"])
    assert told.exit_code == 1
    assert "but nothing could be recorded for 40 s: ReadOnlySqlTransaction 25006" in told.stdout
    as_json = json.loads(CliRunner().invoke(app, ["health", "bridge", "--json"]).stdout)
    assert (as_json["healthy"], as_json["trouble"][:7]) == (False, "nothing")


def test_a_heartbeat_that_cannot_be_written_is_logged_and_ages(tmp_path: Path) -> None:
    """A full disk, or a missing folder: the file gets old, and is written again as soon as that is possible."""
    folder = tmp_path / "folder"
    heartbeat = Heartbeat("bridge", folder)
    with capture_logs() as logs:
        heartbeat.beat()
        heartbeat.beat()
    assert heartbeat.age() is None
    assert [each["log_level"] for each in logs] == ["warning"]
    assert str(folder) in logs[0]["file"]
    folder.mkdir()
    heartbeat.beat()
    assert heartbeat.age() is not None


def test_failures_count_if_they_last_30_seconds() -> None:
    clock = Clock()
    recording = WriteHealth(clock)
    recording.failed("gone")
    clock.now += STALE_SECONDS - 1
    recording.failed("gone")
    assert recording.trouble() == ""
    clock.now += 2
    recording.failed("still gone")
    assert recording.trouble() == f"nothing could be recorded for {STALE_SECONDS + 1:.0f} s: still gone"
    recording.worked()
    assert recording.trouble() == ""


def test_old_failures_do_not_count() -> None:
    """A worker without a message writes nothing, so it cannot find out that the database works again."""
    clock = Clock()
    recording = WriteHealth(clock)
    for _ in range(40):
        recording.failed("gone")
        clock.now += 1
    assert recording.trouble()
    clock.now += STALE_SECONDS
    assert recording.trouble() == ""
    recording.failed("gone again")
    assert recording.trouble() == ""


@pytest.fixture(params=["missing", "a file", "read-only"])
def unwritable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """`/proc` takes no new file, like a folder that is mounted read-only."""
    (tmp_path / "file").touch()
    return {"missing": tmp_path / "none", "a file": tmp_path / "file", "read-only": Path("/proc")}[request.param]


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(unwritable: Path) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_HEARTBEAT_FOLDER") as refused:
        Heartbeat("bridge", unwritable).checked()
    assert str(unwritable) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_check_creates_no_file(tmp_path: Path) -> None:
    heartbeat = Heartbeat("bridge", tmp_path).checked()
    assert [*tmp_path.iterdir()] == []
    heartbeat.beat("trouble")
    assert heartbeat.checked().trouble() == "trouble"


def test_a_folder_that_disappears_later_is_logged(tmp_path: Path) -> None:
    folder = tmp_path / "beats"
    folder.mkdir()
    heartbeat = Heartbeat("worker", folder).checked()
    heartbeat.beat()
    (folder / "notifier-worker.beat").unlink()
    folder.rmdir()
    with capture_logs() as logs:
        for _ in range(3):
            heartbeat.beat()
        heartbeat.clear()
    assert ["NOTIFIER_HEARTBEAT_FOLDER" in each["event"] for each in logs] == [True]
    folder.mkdir()
    heartbeat.beat()
    assert heartbeat.age() is not None


@pytest.mark.parametrize("process", ["bridge", "feedback", "worker"])
def test_health_of_a_folder_that_is_none(process: str, unwritable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", f" {unwritable}\n")
    told = CliRunner().invoke(app, ["health", process])
    assert (told.exit_code, told.stdout) == (1, f"{process} has not started here\n")
