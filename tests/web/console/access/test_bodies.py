"""A form is read up to its size, whatever the headers say of it, with a login and without."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from notifier.settings import ConsoleSettings, read_settings
from tests.web.console.addresses import address, filled
from tests.web.console.person import Person
from tests.web.odd_forms import FEW_ODD_FORMS, ODD_FORMS
from web.console.app import Console

SMALL_FORM = 8 * 1024
"""What the login and the logout take."""

MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
TYPES = ["application/x-www-form-urlencoded", MULTIPART]
CHUNKED = "Transfer-Encoding: chunked"
BOTH = f"Content-Length: 10\r\n{CHUNKED}"
AT_ONCE = 32 * 1024


@pytest.fixture
def settings(database_url: str, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    """With access, so that no visitor is `local`."""
    monkeypatch.setenv("NOTIFIER_DATABASE_URL", database_url)
    monkeypatch.setenv("NOTIFIER_CONSOLE_USERS", "/no/such/file")
    return read_settings(ConsoleSettings)


def status(served: str, path: str, type_: str, size: str, most: int, cookie: str = "") -> int:
    """Return the status of a POST in chunks that has one byte more than allowed, and never ends."""
    host = urlsplit(served).netloc
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {type_}\r\nCookie: {cookie}\r\n{size}\r\n\r\n"
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        for chunk in chunks(PART if type_ == MULTIPART else b"reason=", most + 1):
            connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        return int(connection.recv(4096).split()[1])


def chunks(start: bytes, size: int) -> Iterator[bytes]:
    yield start
    left = size - len(start)
    while left:
        chunk = b"x" * min(left, AT_ONCE)
        left -= len(chunk)
        yield chunk


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(("size", "expected"), [(CHUNKED, 411), (BOTH, 413)], ids=["chunked", "both"])
def test_a_login_is_read_up_to_its_size(served: str, type_: str, size: str, expected: int) -> None:
    assert status(served, "/login", type_, size, SMALL_FORM) == expected


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(("size", "expected"), [(CHUNKED, 411), (BOTH, 413)], ids=["chunked", "both"])
def test_an_action_is_read_up_to_its_size(
    served: str, console: Console, admin: Person, type_: str, size: str, expected: int
) -> None:
    cookie = f"{console.authentication.cookie.name}={admin.client.cookies[console.authentication.cookie.name]}"
    assert status(served, "/logout", type_, size, SMALL_FORM, cookie) == expected
    for each in console.endpoints:
        if each.method == "POST":
            assert status(served, address(each), type_, size, each.most_bytes, cookie) == expected, each.path


def test_a_form_may_have_exactly_its_size(console: Console, admin: Person) -> None:
    (add,) = (each for each in console.endpoints if each.method == "POST" and each.path == "/suppressions/add")
    start = f"csrf={admin.session.csrf}&reason="
    content = start + "x" * (add.most_bytes - len(start))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert admin.client.post(add.path, content=content, headers=headers).status_code == 303


def test_a_form_of_an_odd_type_is_refused(app: Starlette, admin: Person, caplog: pytest.LogCaptureFixture) -> None:
    paths = {each.path for each in app.routes if isinstance(each, Route) and "POST" in (each.methods or ())}
    assert {"/login", "/logout", "/suppressions/add"} <= paths
    for path in paths:
        for type_, content in ODD_FORMS if path == "/login" else FEW_ODD_FORMS:
            answer = admin.client.post(filled(path), content=content, headers={"Content-Type": type_})
            assert answer.status_code in {400, 403}, (path, type_, content)
            assert "Traceback" not in answer.text
    assert [each.getMessage() for each in caplog.records if each.exc_info] == []


def test_a_form_that_is_not_in_its_charset_says_so(admin: Person) -> None:
    content = b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b; charset=undefined"}
    answer = admin.client.post("/suppressions/add", content=content, headers=headers)
    assert answer.status_code == 400
    assert "send it in UTF-8" in answer.text
