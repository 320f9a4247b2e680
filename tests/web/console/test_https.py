"""Where browsers come by https, the cookie is for https only, and so is the host."""

import httpx
import pytest

from notifier.errors import SettingsError
from notifier.settings import ConsoleSettings, read_settings
from tests.web.console.person import cookie_of

HOST = {"Host": "notifier.example.com"}


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_URL", "https://notifier.example.com")
    monkeypatch.setenv("NOTIFIER_CONSOLE_PROXY_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("NOTIFIER_CONSOLE_ROLES", "*=viewer")
    return read_settings(ConsoleSettings)


def test_the_cookie_is_secure_and_bound_to_the_host(anybody: httpx.Client) -> None:
    answer = anybody.get("/", headers={**HOST, "X-Forwarded-User": "eva"})
    said = cookie_of(answer, "__Host-notifier")
    assert "Secure" in said
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "Secure" in cookie_of(anybody.get("/login", headers=HOST), "__Host-notifier-login")


def test_other_hosts_are_refused(anybody: httpx.Client) -> None:
    assert anybody.get("/login", headers=HOST).status_code == 200
    for host in ("example.com", "notifier.example.com.evil.example", "", "[", "notifier.example.com@evil.example"):
        assert anybody.get("/login", headers={"Host": host}).status_code == 400, host


@pytest.mark.parametrize(
    "url", ["http://notifier.example.com", "https://h/console", "notifier.example.com", "ftp://h"]
)
def test_an_address_that_would_not_do_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", "postgresql://h/d")
    monkeypatch.setenv("NOTIFIER_CONSOLE_URL", url)
    with pytest.raises(SettingsError, match="NOTIFIER_CONSOLE_URL is wrong"):
        read_settings(ConsoleSettings)
