"""A certificate is fetched over HTTP: bounded, without redirects, and a failure says whether to try again."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bridge.feedback import certificates
from bridge.feedback.certificates import fetch
from notifier.errors import DecodeError, Unreachable


class Files(BaseHTTPRequestHandler):
    """`/STATUS` answers with that status, `/long` with too much, `/slow` byte by byte."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        status = int(name) if name.isdecimal() else 200
        body = b"x" * (100_000 if name == "long" else 3)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) * 100 if name == "slow" else len(body)))
        if status in (301, 302):
            self.send_header("Location", "/200")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_file(url: str) -> None:
    assert fetch(f"{url}/200") == b"xxx"


@pytest.mark.parametrize("name", ["301", "302", "403", "404", "long"])
def test_what_is_not_there_will_never_be(url: str, name: str) -> None:
    with pytest.raises(DecodeError, match="forged"):
        fetch(f"{url}/{name}")


@pytest.mark.parametrize("name", ["408", "429", "500", "503"])
def test_what_sns_does_not_say_now(url: str, name: str) -> None:
    with pytest.raises(Unreachable, match=name):
        fetch(f"{url}/{name}")


def test_a_server_that_does_not_answer() -> None:
    with pytest.raises(Unreachable, match="reachable from here"):
        fetch("http://127.0.0.1:1/x")


def test_an_answer_that_takes_too_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_MOST_SECONDS", -1.0)
    with pytest.raises(Unreachable, match="too slowly"):
        fetch(f"{url}/slow")
