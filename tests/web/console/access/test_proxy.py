"""A proxy's headers are believed from its address only."""

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from notifier.errors import SettingsError
from notifier.settings import ConsoleSettings, read_settings
from web.console.app import application

EVA = {"X-Forwarded-User": "eva", "X-Forwarded-Groups": "support, oncall"}


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_PROXY_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("NOTIFIER_CONSOLE_ROLES", "support=viewer,oncall=operator")
    return read_settings(ConsoleSettings)


def test_the_header_says_who_it_is_and_the_groups_what_they_may(anybody: httpx.Client) -> None:
    page = anybody.get("/", headers=EVA).text
    assert "eva" in page
    assert "(operator)" in page


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-User": "eva"},
        {"X-Forwarded-User": "eva", "X-Forwarded-Groups": "visitors"},
        {"X-Forwarded-Groups": "oncall"},
        {"X-Forwarded-User": "", "X-Forwarded-Groups": "oncall"},
        [("X-Forwarded-User", "eva"), ("X-Forwarded-User", "mallory"), ("X-Forwarded-Groups", "oncall")],
    ],
)
def test_without_a_name_and_a_role_there_is_no_access(
    anybody: httpx.Client, headers: dict[str, str] | list[tuple[str, str]]
) -> None:
    assert anybody.get("/", headers=headers).status_code == 303
    assert "reached through its proxy" in anybody.get("/login", headers=headers).text


def test_another_person_at_the_same_browser_gets_a_session_of_their_own(anybody: httpx.Client) -> None:
    anybody.get("/", headers=EVA)
    before = anybody.cookies["notifier"]
    assert "ada" in anybody.get("/", headers={**EVA, "X-Forwarded-User": "ada"}).text
    assert anybody.cookies["notifier"] != before
    assert anybody.get("/").status_code == 303  # past the proxy the cookie alone opens nothing


class TestOfAnotherAddress:
    @pytest.fixture
    def app(self, settings: ConsoleSettings, engine: Engine) -> Starlette:
        return application(settings.model_copy(update={"console_proxy_address": "10.9.8.0/24"}), engine)

    def test_it_is_not_believed(self, anybody: httpx.Client) -> None:
        assert anybody.get("/", headers=EVA).status_code == 303


class TestOff:
    @pytest.fixture
    def settings(self, database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
        monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
        monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", "/no/such/file")
        return read_settings(ConsoleSettings)

    def test_no_header_is_believed(self, anybody: httpx.Client) -> None:
        assert anybody.get("/", headers=EVA).status_code == 303


@pytest.mark.parametrize("address", ["0.0.0.0/0", "::/0", "the-proxy", "10.0.0.300"])
def test_an_address_that_is_everybodys_or_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("NOTIFIER_CONSOLE_PROXY_ADDRESS", address)
    with pytest.raises(SettingsError, match="NOTIFIER_CONSOLE_PROXY_ADDRESS is wrong"):
        read_settings(ConsoleSettings)


def test_roles_are_needed(settings: ConsoleSettings) -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_CONSOLE_ROLES is not set"):
        settings.model_copy(update={"console_roles": {}}).checked()
