"""Every address of the console refuses a person who may not use it. A page that is added is tested by itself."""

import re
from collections.abc import Callable

import pytest
from httpx import Client

from notifier.outbox import Journal, JournalFilter
from notifier.settings import ConsoleSettings, read_settings
from tests.web.console.addresses import address
from tests.web.console.person import Person
from web.console.access.authentication import Authentication
from web.console.access.role import Role
from web.console.app import Console
from web.console.headers import POLICY
from web.console.page import Endpoint


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    """With access, so that no visitor is `local`."""
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", "/no/such/file")
    return read_settings(ConsoleSettings)


def actions(console: Console) -> list[Endpoint]:
    return [each for each in console.endpoints if each.method == "POST"]


def test_there_are_pages(console: Console) -> None:
    assert {"GET"} <= {each.method for each in console.endpoints}
    assert len({(each.method, each.path) for each in console.endpoints}) == len(console.endpoints)


def test_without_a_login_each_address_leads_to_the_login(console: Console, anybody: Client) -> None:
    for each in console.endpoints:
        answer = anybody.request(each.method, address(each))
        if each.method == "GET":
            assert answer.status_code == 303, each.path
            assert re.fullmatch(r"/login(\?next=%2F[^/]*)?", answer.headers["location"]), each.path
        else:
            assert answer.status_code == 401, each.path
        part = anybody.request(each.method, address(each), headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-redirect"]) == (401, "/login"), each.path


@pytest.mark.parametrize("token", ["forged", "", "A" * 43, "../../etc/passwd"])
def test_a_forged_cookie_is_worth_nothing(console: Console, anybody: Client, token: str) -> None:
    anybody.cookies.set(console.authentication.cookie.name, token)
    for each in console.endpoints:
        assert anybody.request(each.method, address(each)).status_code in {303, 401}, each.path


def test_a_lower_role_is_refused(console: Console, signed_in: Callable[[Role], Person]) -> None:
    people = {role: signed_in(role) for role in Role}
    for each in console.endpoints:
        for role, person in people.items():
            if role < each.role:
                fields = {"csrf": person.session.csrf, "reason": "because"}
                answer = person.client.request(each.method, address(each), data=fields)
                assert answer.status_code == 403, (each.path, role)
                assert each.role.label in answer.text


def test_an_action_needs_at_least_an_operator(console: Console) -> None:
    assert [each.path for each in actions(console) if each.role < Role.OPERATOR] == []


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_an_action_without_the_sessions_token_is_refused(
    console: Console, admin: Person, signed_in: Callable[[Role], Person], token: str | None
) -> None:
    for each in actions(console):
        for csrf in (token, signed_in(Role.ADMIN).session.csrf):
            fields = {"reason": "because"} | ({} if csrf is None else {"csrf": csrf})
            assert admin.client.post(address(each), data=fields).status_code == 403, each.path
    assert Journal(console.engine).newest(JournalFilter(), 1) == []


def test_a_form_that_another_site_sends_is_refused(console: Console, admin: Person) -> None:
    for each in actions(console):
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            fields = {"csrf": admin.session.csrf, "reason": "because"}
            assert admin.client.post(address(each), data=fields, headers=headers).status_code == 403, each.path


def test_an_action_without_a_reason_does_nothing(console: Console, admin: Person) -> None:
    for each in actions(console):
        if each.reason:
            assert admin.post(address(each), reason="  ").status_code == 303, each.path
            assert admin.flashes() == ["Nothing was done: give a reason, which is kept in the journal."], each.path
    assert Journal(console.engine).newest(JournalFilter(), 1) == []


def test_a_form_that_is_too_large_or_of_unknown_size_is_refused(console: Console, admin: Person) -> None:
    for each in actions(console):
        large = admin.post(address(each), reason="x" * (each.most_bytes + 1))
        assert large.status_code == 413, each.path
        assert admin.client.post(address(each), content=iter([b"reason=x"])).status_code == 411, each.path


def test_each_answer_has_the_security_headers(console: Console, anybody: Client, admin: Person) -> None:
    for client in (anybody, admin.client):
        for path in (*(address(each) for each in console.endpoints), "/no/such/page", "/static/0/console.css"):
            headers = client.get(path).headers
            assert headers["content-security-policy"] == POLICY or "sandbox" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] in {"DENY", "SAMEORIGIN"}
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"


def test_a_request_for_another_host_is_refused(console: Console, admin: Person) -> None:
    """A name of another site that leads to this address would let that site read pages: DNS rebinding."""
    for each in console.endpoints:
        answer = admin.client.request(each.method, address(each), headers={"Host": "evil.example"})
        assert answer.status_code == 400, each.path


def test_a_session_that_was_ended_is_refused(console: Console, viewer: Person) -> None:
    authentication: Authentication = console.authentication
    assert viewer.get("/").status_code == 200
    authentication.sessions.end(viewer.client.cookies[authentication.cookie.name])
    assert viewer.get("/").status_code == 303
