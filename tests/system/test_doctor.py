"""`notifier doctor` as a command: on the sandbox's set-up, with a bridge and without, and with one thing wrong."""

import json
from typing import Any

import pytest

from notifier.text import printable
from sandbox.system import CREDENTIALS, System
from tests.notifier.cli.in_process import run
from tests.waiting import wait_until


@pytest.fixture
def environment(system: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """The variables that `notifier up` prints."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**system.environment, **CREDENTIALS}.items():
        monkeypatch.setenv(name, value)
    return system


def findings(done: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])["findings"]
    return found


def test_the_sandbox_is_good(environment: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the tests' own Postgres, which keeps nothing over a crash: that is true, and said."""
    environment.start("bridge", "bridge")
    days = lambda: run("doctor", "--json", "--only", "days")  # noqa: E731
    wait_until(lambda: "today and tomorrow have their partitions" in days().stdout, seconds=60)

    done = run("doctor", "--json")

    assert done.returncode == 0, done.stdout
    bad = [each for each in findings(done) if each["level"] != "good"]
    of_tests = ("fsync=off", "does not import are not used")  # also the routes of other tests of this process
    assert [each["what"] for each in bad if not any(words in each["what"] for words in of_tests)] == []
    assert len(findings(done)) > 30
    assert run("doctor", "--strict").returncode == 1

    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = run("doctor").stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert lines[-1].endswith("0 wrong")


def test_each_finding_is_one_line_where_the_output_is_piped(environment: System) -> None:
    environment.ses.child.stop()
    done = run("doctor", "--only", "ses")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("  wrong") and "no answer from SES" in line]
    assert done.stdout.splitlines()[-1].endswith("wrong")


def test_no_secret_is_printed(environment: System) -> None:
    secrets = [environment.postgres.url().split(":")[2].split("@")[0], environment.redis.password]
    environment.redis.stop()
    done = run("doctor")
    assert done.returncode == 1
    assert not [secret for secret in secrets if secret and secret in done.stdout + done.stderr]
    assert printable(done.stdout, lines=True) == done.stdout


def test_used_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://127.0.0.1/a")
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "")
    done = run("doctor")
    assert (done.returncode, done.stdout) == (2, "")
    assert "NOTIFIER_BROKER_URL is not set" in done.stderr
    assert "docker compose exec bridge notifier" in done.stderr, "`operator` of Compose has no settings of a process"
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://127.0.0.1")
    done = run("doctor", "--only", "everything")
    assert done.returncode == 2
    assert "there is no check everything" in done.stderr
