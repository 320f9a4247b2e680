"""Local users sign in by name and password, and out."""

import re
from pathlib import Path

import httpx
import pytest

from notifier.settings import ConsoleSettings, read_settings
from tests.web.console.person import cookie_of
from web.console.access.passwords import LEAST_LENGTH, hashed
from web.console.access.role import Role
from web.console.access.users import StoredUser, UserFile
from web.console.app import Console

PASSWORD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    users = UserFile(tmp_path / "users")
    users.put(StoredUser("eva", Role.OPERATOR, hashed(PASSWORD)))
    return users


@pytest.fixture
def settings(database_url: str, users: UserFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", str(tmp_path / "users"))
    return read_settings(ConsoleSettings)


def sign_in(client: httpx.Client, name: str = "eva", password: str = PASSWORD, to: str = "") -> httpx.Response:
    page = client.get("/login", params={"next": to} if to else {}).text
    fields = dict(re.findall(r'name="(nonce|next)" value="([^"]*)"', page))
    return client.post("/login", data={**fields, "name": name, "password": password})


def test_the_right_password_opens_the_page_that_was_asked_for(anybody: httpx.Client) -> None:
    asked = anybody.get("/operations?about=email")
    assert asked.headers["location"] == "/login?next=%2Foperations%3Fabout%3Demail"

    answer = sign_in(anybody, to="/operations?about=email")

    assert (answer.status_code, answer.headers["location"]) == (303, "/operations?about=email")
    page = anybody.get("/operations?about=email").text
    assert "eva" in page
    assert "(operator)" in page


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(anybody: httpx.Client, to: str) -> None:
    assert sign_in(anybody, to=to).headers["location"] == "/"


@pytest.mark.parametrize(
    ("name", "password"), [("eva", "wrong horse battery"), ("eva", ""), ("nobody", PASSWORD), ("EVA", PASSWORD)]
)
def test_a_wrong_name_or_password_is_refused_with_the_same_words(
    anybody: httpx.Client, name: str, password: str
) -> None:
    answer = sign_in(anybody, name, password)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert anybody.get("/").status_code == 303


def test_the_cookie_is_for_this_host_and_for_no_script(anybody: httpx.Client) -> None:
    said = cookie_of(sign_in(anybody), "notifier")
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert "Path=/" in said
    assert "Domain" not in said
    assert "Max-Age" not in said  # the browser forgets it when it is closed


def test_a_login_gets_a_new_session_whatever_the_browser_had_before(anybody: httpx.Client, console: Console) -> None:
    sign_in(anybody)
    before = anybody.cookies["notifier"]
    sign_in(anybody)
    assert anybody.cookies["notifier"] != before
    assert console.authentication.sessions.find(before) is None


def test_a_login_that_another_site_sends_is_refused(anybody: httpx.Client) -> None:
    page = anybody.get("/login").text
    (nonce,) = re.findall(r'name="nonce" value="([^"]*)"', page)
    right = {"nonce": nonce, "name": "eva", "password": PASSWORD}
    assert anybody.post("/login", data={**right, "nonce": ""}).status_code == 403
    assert anybody.post("/login", data={**right, "nonce": f"{nonce}x"}).status_code == 403
    assert anybody.post("/login", data=right, headers={"Origin": "https://evil.example"}).status_code == 403
    with httpx.Client(base_url=anybody.base_url, trust_env=False) as other:  # its cookie is of another form
        other.get("/login")
        assert other.post("/login", data=right).status_code == 403
    assert anybody.post("/login", data=right).status_code == 303


def test_a_logout_ends_the_session_also_for_a_copy_of_the_cookie(anybody: httpx.Client, console: Console) -> None:
    sign_in(anybody)
    token = anybody.cookies["notifier"]
    session = console.authentication.sessions.find(token)
    assert session
    assert anybody.post("/logout", data={"csrf": "forged"}).status_code == 403
    assert anybody.get("/").status_code == 200

    assert anybody.post("/logout", data={"csrf": session.csrf}).headers["location"] == "/login"

    with httpx.Client(base_url=anybody.base_url, trust_env=False, cookies={"notifier": token}) as thief:
        assert thief.get("/").status_code == 303


def test_passwords_cannot_be_guessed(anybody: httpx.Client) -> None:
    for _ in range(10):
        assert sign_in(anybody, password="wrong").status_code == 401
    refused = sign_in(anybody)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert anybody.get("/").status_code == 303


def test_a_user_who_is_removed_or_changed_must_sign_in_again(anybody: httpx.Client, users: UserFile) -> None:
    for change in (
        lambda: users.put(StoredUser("eva", Role.OPERATOR, hashed("another long password"))),
        lambda: users.put(StoredUser("eva", Role.VIEWER, hashed(PASSWORD))),
        lambda: users.remove("eva"),
    ):
        users.put(StoredUser("eva", Role.OPERATOR, hashed(PASSWORD)))
        assert sign_in(anybody).status_code == 303
        assert anybody.get("/").status_code == 200
        change()
        assert anybody.get("/").status_code == 303


def test_a_broken_file_of_users_lets_no_user_in_and_says_nothing_of_it(
    anybody: httpx.Client, settings: ConsoleSettings
) -> None:
    assert sign_in(anybody).status_code == 303
    Path(settings.console_users).write_text("eva:operator:plain-password\n")
    assert anybody.get("/").status_code == 303
    answer = sign_in(anybody)
    assert answer.status_code == 503
    assert "plain-password" not in answer.text


def test_without_a_user_the_login_says_how_to_add_one(anybody: httpx.Client, users: UserFile) -> None:
    users.remove("eva")
    page = anybody.get("/login").text
    assert "<pre>notifier console-user NAME --role admin</pre>" in page
    assert "<pre>docker compose exec console notifier console-user NAME --role admin</pre>" in page
    assert f"{LEAST_LENGTH} characters or more" in page
    assert 'type="password"' not in page
