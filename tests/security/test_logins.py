"""`notifier migrate --roles`: each process can log in as itself, and is told where it may not do something."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from tests.conftest import administer

PASSWORD = "geheim"
LOGINS = ("worker", "operator")


@pytest.fixture
def migrated(database_url: str) -> Iterator[str]:
    """A database whose roles are made; two of them have a password."""
    passwords = {f"NOTIFIER_{name.upper()}_PASSWORD": PASSWORD for name in LOGINS}
    done = notifier("migrate", "--roles", url=database_url, **passwords)
    assert done.returncode == 0, done.stderr
    assert "logins: notifier_operator, notifier_worker" in done.stdout
    yield database_url
    for name in LOGINS:  # roles belong to the whole server
        administer(database_url, f"ALTER ROLE notifier_{name} NOLOGIN PASSWORD NULL")


def notifier(*words: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    command = [sys.executable, "-m", "notifier", *words]
    environment = {**kept, "NOTIFIER_DATABASE_URL": url, **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def as_login(url: str, name: str, password: str = PASSWORD) -> str:
    login = make_url(url).set(username=f"notifier_{name}", password=password)
    return login.render_as_string(hide_password=False)


def test_a_password_lets_a_role_in_and_no_other_does(migrated: str) -> None:
    with psycopg.connect(as_login(migrated, "worker")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("notifier_worker",)
    for name, password in (("worker", "other"), ("feedback", PASSWORD)):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(as_login(migrated, name, password))


def test_the_operator_looks_and_acts(migrated: str) -> None:
    url = as_login(migrated, "operator")
    assert notifier("status", url=url).returncode == 0
    assert notifier("pause", "email", "--reason", "a test", url=url).returncode == 0


def test_who_may_not_is_told_in_one_line(migrated: str) -> None:
    for words in (["shards"], ["migrate", "--roles"]):
        refused = notifier(*words, url=as_login(migrated, "worker"))
        assert refused.returncode == 2
        assert "notifier_worker" in refused.stderr
        assert "may not do this (permission denied" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert PASSWORD not in refused.stderr
