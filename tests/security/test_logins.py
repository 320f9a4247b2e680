"""`notifier migrate --roles`: each process can log in as itself, and is told where it may not do something."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from notifier.outbox.roles import grant_roles
from tests.conftest import administer

PASSWORD = "geheim"
LOGINS = {"notifier_operator": PASSWORD, "notifier_worker": PASSWORD}


@pytest.fixture
def url(engine: Engine, database_url: str) -> Iterator[str]:
    """A database with its roles; two of them may log in."""
    grant_roles(engine, LOGINS)
    yield database_url
    for login in LOGINS:  # roles belong to the whole server
        administer(database_url, f"ALTER ROLE {login} NOLOGIN PASSWORD NULL")


def notifier(*words: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}
    command = [sys.executable, "-m", "notifier", *words]
    environment = {**kept, "NOTIFIER_DATABASE_URL": url, **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def as_login(url: str, name: str, password: str = PASSWORD) -> str:
    login = make_url(url).set(username=f"notifier_{name}", password=password)
    return login.render_as_string(hide_password=False)


def test_a_password_lets_a_role_in_and_no_other_does(url: str) -> None:
    with psycopg.connect(as_login(url, "worker")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("notifier_worker",)
    for name, password in (("worker", "other"), ("feedback", PASSWORD)):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(as_login(url, name, password))


def test_the_command_makes_logins_of_the_passwords_that_are_set(url: str) -> None:
    done = notifier("migrate", "--roles", url=url, NOTIFIER_WORKER_PASSWORD="another")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("logins: notifier_worker\n")
    assert "another" not in done.stdout
    psycopg.connect(as_login(url, "worker", "another")).close()


def test_the_operator_acts(url: str) -> None:
    assert notifier("pause", "email", "--reason", "a test", url=as_login(url, "operator")).returncode == 0


@pytest.mark.parametrize("words", [["shards"], ["migrate", "--roles"]])
def test_who_may_not_is_told_in_one_line(url: str, words: list[str]) -> None:
    refused = notifier(*words, url=as_login(url, "worker"))
    assert refused.returncode == 2
    assert refused.stderr.startswith("notifier: the login notifier_worker in NOTIFIER_DATABASE_URL may not do this")
    assert len(refused.stderr.splitlines()) == 1
    assert PASSWORD not in refused.stderr
