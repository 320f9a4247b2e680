"""The process and its HTTP server."""

import json
import socket
import subprocess
import sys
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.simulators.ses.simulator import simple, simulator
from tests.waiting import wait_until


def connect(url: str) -> closing[socket.socket]:
    parts = urlsplit(url)
    return closing(socket.create_connection((parts.hostname, parts.port), timeout=5))


def read_all(link: socket.socket) -> bytes:
    chunks = []
    while chunk := link.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def send_request() -> bytes:
    body = json.dumps(simple()).encode()
    return b"POST /v2/email/outbound-emails HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_the_address_is_in_the_port_file_when_it_is_ready(tmp_path):
    port_file = tmp_path / "address"
    with simulator(tmp_path / "journal", "--port-file", str(port_file)) as ses:
        assert port_file.read_text() == ses.url + "\n"
        assert ses.request("/_sim/health")["status"] == "ok"


def test_it_stops_cleanly_with_open_connections_and_hanging_requests(tmp_path):
    with simulator(tmp_path / "journal") as ses, connect(ses.url) as idle, connect(ses.url) as hanging:
        ses.add_faults({"kind": "slow", "seconds": 3600})
        hanging.sendall(send_request())
        idle.sendall(b"GET /_sim")
        ses.process.terminate()
        assert ses.process.wait(10) == 0


def test_a_cut_is_a_reset(ses):
    ses.add_faults({"kind": "accept_then_cut"})
    with connect(ses.url) as link:
        link.sendall(send_request())
        with pytest.raises(ConnectionResetError):
            link.recv(1)
    assert ses.accepted() == 1


def test_a_mail_is_accepted_though_the_client_disconnects_meanwhile(ses):
    ses.add_faults({"kind": "slow", "seconds": 0.05})
    with connect(ses.url) as link:
        link.sendall(send_request())
        wait_until(lambda: ses.counts()["requests"] == 1)
    wait_until(lambda: ses.accepted() == 1)


def test_requests_of_one_connection_are_answered_in_order(ses):
    request = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    with connect(ses.url) as link:
        link.sendall(request % (b"/_sim/faults", b"") + request % (b"/nothing", b""))
        link.sendall(request % (b"/_sim/duplicates", b"Connection: close\r\n"))
        answers = read_all(link).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"404", b"200"]
    assert answers[0].endswith(b"[]")
    assert b"Connection: close" in answers[2]


def test_a_request_behind_a_slow_one_waits_for_it(ses):
    ses.add_faults({"kind": "slow", "seconds": 0.05})
    with connect(ses.url) as link:
        link.sendall(send_request() + b"GET /_sim/counts HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(link).split(b"HTTP/1.1 ")[1:]
    assert b"MessageId" in answers[0]
    assert b'"accepted":1' in answers[1]


def test_a_request_may_come_in_pieces(ses):
    with connect(ses.url) as link:
        for piece in (
            b"PO",
            b"ST /_sim/faults HTTP/1.1\r\nContent-",
            b"Length: 2\r\nConnection: close\r\n\r\n[",
            b"]",
        ):
            link.sendall(piece)
        assert read_all(link).endswith(b"\r\n\r\n[]")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_a_malformed_request_is_refused_and_the_connection_closed(ses, request_, status):
    with connect(ses.url) as link:
        link.sendall(request_)
        assert read_all(link).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "wrong",
    [["--event-loss", "2"], ["--rate", "0"], ["--keep", "0"], ["--event-delay", "-1"], ["--event-kinds", "Unknown"]],
)
def test_wrong_options_are_explained(tmp_path, wrong):
    words = [sys.executable, "-m", "simulators.ses", "--journal", str(tmp_path / "journal"), *wrong]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert wrong[0] in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_explained(ses, tmp_path):
    port = str(urlsplit(ses.url).port)
    words = [sys.executable, "-m", "simulators.ses", "--journal", str(tmp_path / "journal"), "--port", port]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
