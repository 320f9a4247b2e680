"""`notifier env` finds the system that runs, and only that."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notifier.errors import UsageError
from sandbox.up import registry
from sandbox.up.registry import registered, running
from sandbox.up.variables import shell_lines
from tests.notifier.cli.in_process import run


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"notifier-up-{os.getuid()}"


VARIABLES = {"NOTIFIER_SENDER": "it's <me@example.com>", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


def test_nothing_runs() -> None:
    with pytest.raises(UsageError, match="no `notifier up` of yours runs"):
        running(None)
    found = run("env")
    assert (found.returncode, found.stdout) == (2, "")
    assert "notifier up" in found.stderr


def test_the_shell_gets_what_was_registered() -> None:
    with registered(None, VARIABLES):
        printed = run("env").stdout
    script = f"{printed}\nexec {sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    others = {"PATH": os.environ["PATH"]}
    told = subprocess.run(["sh", "-euc", script], env=others, capture_output=True, text=True, check=True).stdout
    assert VARIABLES.items() <= json.loads(told).items()


def test_the_variables_may_change() -> None:
    with registered(None, VARIABLES) as register:
        for value in ("orders,activity", "a"):
            register({"NOTIFIER_TABLES": value})
            assert running(None).variables == {"NOTIFIER_TABLES": value}


def test_json() -> None:
    with registered(None, VARIABLES):
        assert json.loads(run("env", "--json").stdout) == VARIABLES


def test_what_leads_to_another_system_is_removed() -> None:
    others = [
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_PAGER",
        "HOME",
        "NOTIFIER_AWS_SQS_ENDPOINT_URL",
        "NOTIFIER_ACTOR",
    ]
    first, *_ = shell_lines(VARIABLES, [*others, "AWS_ENDPOINT_URL_S3", *VARIABLES])
    assert first == "unset AWS_ENDPOINT_URL_S3 AWS_PROFILE AWS_SESSION_TOKEN NOTIFIER_AWS_SQS_ENDPOINT_URL"


def test_the_one_with_that_folder(tmp_path: Path) -> None:
    with registered(tmp_path / "mine", VARIABLES):
        assert running(tmp_path / "mine").variables == VARIABLES
        assert running(None).data == str(tmp_path / "mine")
        with pytest.raises(UsageError, match="--data"):
            running(tmp_path / "another")


def test_each_names_its_folder(own_folder: Path) -> None:
    with registered(None, VARIABLES):
        found = run("env")
        assert found.stderr == f"# notifier up in {Path.cwd()}\n"
        [path] = own_folder.iterdir()
        with registered_beside(path):
            with pytest.raises(UsageError, match=f"process {os.getpid()} in {Path.cwd()}.*--process PID"):
                running(None)
            assert running(None, os.getpid()).pid == os.getpid()
            with pytest.raises(UsageError, match="with the process id 2` of yours"):
                running(None, 2)


@contextmanager
def registered_beside(path: Path) -> Iterator[None]:
    """The same registered a second time, as that of process 1, for the block."""
    other = path.with_name("1.json")
    other.write_text(path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 1'))
    with other.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_killed_one_is_not_found(own_folder: Path) -> None:
    with registered(None, VARIABLES):
        [path] = own_folder.iterdir()
        (own_folder / "1.json").write_text(path.read_text())
        assert running(None).pid == os.getpid()
    with pytest.raises(UsageError):
        running(None)
    assert not list(own_folder.iterdir())


def test_only_its_user_can_read_the_passwords(own_folder: Path) -> None:
    with registered(None, VARIABLES):
        assert [oct(each.stat().st_mode & 0o777) for each in (own_folder, *own_folder.iterdir())] == [
            "0o700",
            "0o600",
        ]


def test_a_folder_that_others_may_write_is_refused(own_folder: Path) -> None:
    own_folder.mkdir()
    own_folder.chmod(0o777)
    with pytest.raises(UsageError, match="only you"):
        registry.running(None)
