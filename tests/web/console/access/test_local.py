"""Without configured access the console is for this machine only, and everybody there is `local`."""

import re

import httpx
import pytest

from notifier.errors import SettingsError
from notifier.settings import ConsoleSettings


def test_every_visitor_is_local_and_the_page_says_so(anybody: httpx.Client) -> None:
    page = anybody.get("/").text
    assert "No access is configured" in page
    assert "<b>local</b>" in page
    assert "(admin)" in page


def test_the_local_user_has_the_name_of_the_setting(settings: ConsoleSettings) -> None:
    from web.console.app import _authentication

    named = settings.model_copy(update={"actor": "eva@desk"})
    authentication = _authentication(named)
    assert authentication.local
    assert authentication.local.name == "eva@desk"


def test_an_action_still_needs_the_sessions_token(anybody: httpx.Client) -> None:
    page = anybody.get("/operations").text
    assert anybody.cookies["notifier"]
    assert anybody.post("/logout", data={"csrf": "forged"}).status_code == 403
    assert not re.search("Sign out", page)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7", "host.example"])
def test_it_does_not_listen_for_other_machines(settings: ConsoleSettings, address: str) -> None:
    with pytest.raises(SettingsError, match="visitors would need no login"):
        settings.model_copy(update={"console_address": address}).checked()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_it_listens_on_loopback(settings: ConsoleSettings, address: str) -> None:
    settings.model_copy(update={"console_address": address}).checked()
