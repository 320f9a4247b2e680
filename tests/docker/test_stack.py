"""`docker compose up` with .env.example, as README says: the pages answer at its addresses, and a mail arrives."""

import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.docker.stack import Stack, local_stack, reason_to_skip
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_200)]

INBOX, CONSOLE, FLOWER = 8025, 8026, 5555
ADD_USER = "notifier console-user eva --role admin"
PRODUCE = "notifier produce --events 5 --rate 5"


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    if busy := [port for port in (INBOX, CONSOLE, FLOWER) if not is_free(port)]:
        pytest.skip(f"docker-compose.yml was not tried: something listens at its ports {busy}")
    with local_stack("notifier-stack-test", tmp_path, own_ports=False) as running:
        yield running


def page(port: int, path: str = "/", **headers: str) -> str:
    with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=30) as answer:
        return str(answer.read().decode())


def test_what_people_open_answers_and_a_mail_arrives(stack: Stack) -> None:
    stack.compose("exec", "-T", "bridge", *PRODUCE.split())
    wait_until(lambda: page(INBOX, "/_sim/inbox").count("@example.com") >= 5, seconds=60)
    assert "email" in stack.compose("run", "--rm", "-T", "operator", "status")
    assert "<title>" in page(INBOX)
    assert "console-user NAME" in page(CONSOLE, "/login"), "nobody may sign in yet, and the page says what to do"
    assert page(CONSOLE, "/readyz")
    user = f"echo correct horse battery | {ADD_USER} --password-stdin"
    stack.compose("exec", "-T", "console", "sh", "-c", user)
    wait_until(lambda: 'type="password"' in page(CONSOLE, "/login"), seconds=30)
    with pytest.raises(HTTPError, match="401"):
        page(FLOWER)
    login = b64encode(b"notifier:local").decode()
    assert "/notifications.py:" in stack.compose("run", "--rm", "-T", "operator", "routes")
    assert " 0 wrong" in stack.compose("run", "--rm", "-T", "bridge", "doctor")
    stack.compose("restart", "bridge", "worker-email")
    stack.wait_until_healthy()
    wait_until(lambda: "email@" in page(FLOWER, "/workers", Authorization=f"Basic {login}"), seconds=60)
