"""`notifier console-user` keeps the file of users."""

import getpass
import io
import json
import stat
import sys
from pathlib import Path

import pytest

from tests.notifier.cli.in_process import run
from web.console.access.role import Role
from web.console.access.users import UserFile

PASSWORD = "correct horse battery"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", str(tmp_path / "folder" / "users"))
    return tmp_path / "folder" / "users"


def add(monkeypatch: pytest.MonkeyPatch, *words: str, password: str = PASSWORD) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    return run("console-user", *words, "--password-stdin").returncode


def test_users_are_added_changed_listed_and_removed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert add(monkeypatch, "eva", "--role", "operator") == 0
    assert add(monkeypatch, "ada") == 0
    users = UserFile(file)
    signed_in = users.sign_in("eva", PASSWORD)
    assert signed_in
    assert signed_in.role is Role.OPERATOR
    assert users.sign_in("eva", "another password") is None

    assert add(monkeypatch, "eva", "--role", "admin", password="another password") == 0
    assert users.sign_in("eva", PASSWORD) is None
    assert users.sign_in("eva", "another password")
    assert json.loads(run("console-user", "--json").stdout) == {
        "users": [{"name": "eva", "role": "admin"}, {"name": "ada", "role": "viewer"}]
    }

    assert run("console-user", "eva", "--remove").returncode == 0
    assert run("console-user", "eva", "--remove").returncode == 1
    assert users.sign_in("eva", "another password") is None


def test_the_file_has_no_password_and_only_its_owner_reads_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, "eva")
    assert PASSWORD not in file.read_text()
    assert file.read_text().startswith("eva:viewer:$argon2id$")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["users"]


@pytest.mark.parametrize(("name", "password"), [("eva", "too short"), ("e:va", PASSWORD), ("e va", PASSWORD)])
def test_a_short_password_and_an_odd_name_are_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    assert add(monkeypatch, name, password=password) == 2
    assert not file.exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_short_password_is_refused_before_it_is_asked_for_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["too short", "too short"]
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: typed.pop(0))
    done = run("console-user", "eva")
    assert done.returncode == 2
    assert "at least 12 characters" in done.stderr
    assert len(typed) == 1
    typed = [PASSWORD, PASSWORD]
    assert run("console-user", "eva").returncode == 0
    assert UserFile(file).sign_in("eva", PASSWORD)


def test_the_setting_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFIER_CONSOLE_USERS", raising=False)
    done = run("console-user")
    assert done.returncode == 2
    assert "NOTIFIER_CONSOLE_USERS is not set" in done.stderr
