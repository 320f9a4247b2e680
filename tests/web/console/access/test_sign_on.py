"""Single sign-on against a provider that runs beside the test."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from notifier.errors import SettingsError
from notifier.settings import ConsoleSettings, read_settings
from tests.waiting import wait_until

CLAIMS = (
    '{"sub": "1", "email": "eva@example.com", "email_verified": true, "groups": ["staff", "oncall"]}',
    '{"sub": "2", "email": "bob@example.com", "email_verified": true, "groups": ["staff"]}',
    '{"sub": "3", "email": "eva@example.com", "preferred_username": "mallory", "groups": ["oncall"]}',
)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("provider") / "log"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(port),
               "--require-nonce", "true"]  # fmt: skip
    for each in CLAIMS:
        command += ["--user-claims", each]
    with log.open("wb") as into, subprocess.Popen(command, stdout=into, stderr=into) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(url), 30, log.read_text())
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def settings(database_url: str, provider: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    given = {
        "DATABASE_URL": database_url,
        "CONSOLE_URL": "http://127.0.0.1:8026",
        "CONSOLE_OIDC_ISSUER": provider,
        "CONSOLE_OIDC_CLIENT_ID": "console",
        "CONSOLE_OIDC_CLIENT_SECRET": "a secret",
        "CONSOLE_ROLES": "oncall=operator,platform=admin",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"NOTIFIER_{name}", value)
    return read_settings(ConsoleSettings)


def at_the_provider(anybody: httpx.Client, sub: str, to: str = "/") -> str:
    """Go to the provider and sign in there. Return the path of the console that it leads back to."""
    leaving = anybody.get("/login/sign-on", params={"next": to})
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"]
    assert asked["nonce"]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8026/login/sign-on/return"]
    back = httpx.post(leaving.headers["location"], data={"sub": sub}, trust_env=False).headers["location"]
    return back.removeprefix("http://127.0.0.1:8026")


def test_the_provider_says_who_it_is_and_the_groups_what_they_may(anybody: httpx.Client) -> None:
    assert "Sign in with your organisation" in anybody.get("/login").text
    answer = anybody.get(at_the_provider(anybody, "1", "/operations"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/operations")
    page = anybody.get("/operations").text
    assert "eva@example.com" in page
    assert "(operator)" in page


def test_without_a_role_there_is_no_access(anybody: httpx.Client) -> None:
    answer = anybody.get(at_the_provider(anybody, "2"))
    assert answer.status_code == 403
    assert "no role here" in answer.text
    assert anybody.get("/").status_code == 303


def test_an_address_that_the_provider_has_not_checked_is_no_name(anybody: httpx.Client) -> None:
    anybody.get(at_the_provider(anybody, "3"))
    page = anybody.get("/").text
    assert "mallory" in page
    assert "eva@example.com" not in page


def test_an_answer_that_was_not_asked_for_is_refused(anybody: httpx.Client) -> None:
    """The code of another person would sign the victim in as them."""
    back = at_the_provider(anybody, "1")
    with httpx.Client(base_url=anybody.base_url, trust_env=False) as victim:
        assert victim.get(back).status_code == 403
        assert victim.get("/").status_code == 303
        victim.get("/login/sign-on")
        assert victim.get(back).status_code == 403
    assert anybody.get(re.sub(r"state=[^&]+", "state=forged", back)).status_code == 403
    assert anybody.get(back).status_code == 303
    assert anybody.get(back).status_code == 403  # a second time


def test_a_provider_that_says_no_is_said_so(anybody: httpx.Client) -> None:
    answer = anybody.get("/login/sign-on/return?error=access_denied&error_description=<script>alert(1)</script>")
    assert answer.status_code == 403
    assert "did not succeed" in answer.text
    assert "<script>alert" not in answer.text


def test_the_way_back_takes_no_form_whatever_the_method(anybody: httpx.Client) -> None:
    """Starlette lets HEAD in where GET is, and Authlib reads a form of any size from what is not GET."""
    back = at_the_provider(anybody, "1")
    answer = anybody.request("HEAD", back, files={"file": ("large", b"x" * 2**20)})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert anybody.get(back).status_code == 303  # nothing of the attempt is used up


class TestAway:
    @pytest.fixture
    def settings(self, settings: ConsoleSettings) -> ConsoleSettings:
        return settings.model_copy(update={"console_oidc_issuer": "http://127.0.0.1:1"})

    def test_a_provider_that_does_not_answer_is_said_so(self, anybody: httpx.Client) -> None:
        answer = anybody.get("/login/sign-on")
        assert answer.status_code == 502
        assert "does not answer" in answer.text


def test_an_issuer_by_http_is_refused(settings: ConsoleSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_CONSOLE_OIDC_ISSUER", "http://login.example.com")
    with pytest.raises(SettingsError, match="NOTIFIER_CONSOLE_OIDC_ISSUER is wrong: must begin with https"):
        read_settings(ConsoleSettings)
    with pytest.raises(SettingsError, match="NOTIFIER_CONSOLE_OIDC_CLIENT_ID"):
        settings.model_copy(update={"console_oidc_client_id": ""}).checked()
