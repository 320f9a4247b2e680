"""No URL of the settings shows its secrets: not in an error, not in a log, not among the arguments of a process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from notifier.broker import Broker, celery_configuration
from notifier.errors import NotifierError
from notifier.settings import Settings
from sandbox.system import clean_environment
from tests.waiting import wait_until

SECRET = "zauberwort"
NOWHERE = "127.0.0.1:1"
URLS = sorted(f"NOTIFIER_{name.upper()}" for name in Settings.model_fields if name.endswith("_url"))
COMMANDS = ["bridge", "feedback", "worker email", "worker webhook", "status", "migrate", "migrate --roles", "audit"]
RIGHT = {
    "NOTIFIER_DATABASE_URL": f"postgresql://{NOWHERE}/d",
    "NOTIFIER_BROKER_URL": f"redis://{NOWHERE}/0",
    "NOTIFIER_ROUTES": "examples.notifications",
    "NOTIFIER_TABLES": "activity",
    "NOTIFIER_SENDER": "us@example.com",
    "NOTIFIER_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "NOTIFIER_FEEDBACK_QUEUE_URL": f"http://{NOWHERE}/000000000000/events",
    "NOTIFIER_AWS_ENDPOINT_URL": f"http://{NOWHERE}",
    "NOTIFIER_AWS_REGION": "eu-west-1",
    "NOTIFIER_LOG_LEVEL": "debug",
    "PYTHONPATH": str(Path(__file__).parents[2]),
}
SCHEMES = {"NOTIFIER_DATABASE_URL": "postgresql", "NOTIFIER_BROKER_URL": "redis"}
FORMS = [
    "{scheme}://user:{secret}@{nowhere}/0",
    "{scheme}://user:a@{secret}@{nowhere}/0",
    "{scheme}://user:a/{secret}@{nowhere}/0",
    "{scheme}://user:12/{secret}@{nowhere}/0",
    "{scheme}://user:12?{secret}@{nowhere}/0",
    "{scheme}://user:a#{secret}@{nowhere}/0",
    "{scheme}://user:a {secret}@{nowhere}/0",
    "{scheme}://user:{secret}@host:port/0",
    "{scheme}://user:{secret}@[::1/0",
    "{scheme}://user:{secret}",
    "{scheme}://{nowhere}/0?password={secret}",
    "{scheme}:/user:{secret}@{nowhere}/0",
    "user:{secret}@{nowhere}/0",
    '"{scheme}://user:{secret}@{nowhere}/0"',
    "{scheme}://user:{secret}\x07@{nowhere}/0",
    "{scheme}://user:{secret}%00@{nowhere}/0",
    "{scheme}://user:{secret}@{nowhere}/0?nothing=1",
]


def forms(name: str) -> Iterator[str]:
    for form in FORMS:
        yield form.format(scheme=SCHEMES.get(name, "http"), secret=SECRET, nowhere=NOWHERE)


def environment(**changes: str) -> dict[str, str]:
    return {**clean_environment(), **RIGHT, **changes}


def said(
    words: str, given: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> str:
    """All that `notifier WORDS` writes, in this process: a start costs a second."""
    from notifier.cli import main
    from notifier.settings import load_database_settings, load_settings

    with monkeypatch.context() as patch:
        for name in [*os.environ]:
            if name not in given:
                patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["notifier", *words.split()])
        for each in (load_settings, load_database_settings):
            each.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        for each in (load_settings, load_database_settings):
            each.cache_clear()
    assert ended.value.code in {1, 2}
    told = capfd.readouterr()
    return told.out + told.err


@pytest.mark.parametrize("name", URLS)
def test_errors_and_logs(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    words = "status" if name == "NOTIFIER_DATABASE_URL" else "feedback"
    for url in forms(name):
        told = said(words, environment(**{name: url}), monkeypatch, capfd)
        assert SECRET not in told, (url, told)
        assert "Traceback" not in told, (url, told)


@pytest.mark.parametrize("url", [*forms("NOTIFIER_BROKER_URL")])
def test_errors_of_the_broker(url: str) -> None:
    """The processes ask the database first: here the broker is asked."""
    with pytest.raises(NotifierError) as refused:
        Broker(url).check()
    assert SECRET not in str(refused.value)
    with suppress(NotifierError):
        assert celery_configuration(url)


@pytest.mark.parametrize("words", COMMANDS)
def test_errors_of_each_command(words: str) -> None:
    given = {
        "NOTIFIER_DATABASE_URL": f"postgresql://user:p@{SECRET}@{NOWHERE}/d",
        "NOTIFIER_BROKER_URL": f"redis://user:p@{SECRET}@{NOWHERE}/0",
    }
    command = [sys.executable, "-m", "notifier", *words.split()]
    done = subprocess.run(command, env=environment(**given), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert NOWHERE in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["bridge", "worker email"])
def test_arguments_of_processes(words: str, database_url: str, broker_url: str, tmp_path: Path) -> None:
    """Everybody on a machine may read them. What a process starts is looked at too."""
    given = environment(
        NOTIFIER_DATABASE_URL=f"{database_url}?application_name={SECRET}",
        NOTIFIER_BROKER_URL=f"{broker_url}?client_name={SECRET}",
        NOTIFIER_ALLOW_NONDURABLE_DATABASE="true",
        NOTIFIER_HEARTBEAT_FOLDER=str(tmp_path),
    )
    command = [sys.executable, "-m", "notifier", *words.split()]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=given, stderr=log) as process:
        seen: set[str] = set()
        try:
            wait_until(lambda: look(process.pid, seen) or is_up(process, tmp_path), seconds=120)
        finally:
            process.kill()
    assert any("notifier" in each for each in seen)
    assert not any(SECRET in each for each in seen)
    assert SECRET not in (tmp_path / "log").read_text()


def look(pid: int, seen: set[str]) -> None:
    for each in (pid, *children(pid)):
        try:
            seen.add(Path(f"/proc/{each}/cmdline").read_text().replace("\0", " "))
        except OSError:
            continue


def children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_up(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Or it has ended, as a bridge does that finds no stream."""
    return process.poll() is not None or any(folder.glob("*.beat"))
