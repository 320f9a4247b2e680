"""/healthz and /readyz need no login, and say nothing but whether."""

import httpx
import pytest

from notifier.settings import ConsoleSettings, read_settings
from tests.conftest import administer
from web.console.app import Console


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", "/no/such/file")
    return read_settings(ConsoleSettings)


def test_a_probe_needs_no_login_and_may_name_any_host(anybody: httpx.Client) -> None:
    for path in ("/healthz", "/readyz"):
        answer = anybody.get(path, headers={"Host": "10.1.2.3:8026"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_its_schema_the_console_lives_and_is_not_ready(
    anybody: httpx.Client, console: Console, database_url: str
) -> None:
    administer(database_url, "UPDATE alembic_version SET version_num = '0001'")
    assert anybody.get("/healthz").status_code == 200
    answer = anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready: the log says why"}
