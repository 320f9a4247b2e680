"""Answers of servers as they are read: plain ones by our own code, all others by `http.client`."""

import socket
from http.client import HTTPException, IncompleteRead
from typing import Any

import pytest

from notifier.aws_http import connections
from notifier.aws_http.connections import Connection

BODY = b'{"MessageId":"m-1"}'
CHUNKED = b"13\r\n" + BODY + b"\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = [
    OK + b"Content-Length: 19\r\n\r\n" + BODY,
    OK + b"date: x\r\ncontent-length:19\r\nConnection: keep-alive\r\nX-Empty:\r\n\r\n" + BODY,
    b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
]
OTHERS = [
    OK + b"Content-Length: 19\r\nConnection: close\r\n\r\n" + BODY,
    OK + b"Content-Length: 19\r\nConnection: keep-alive, close\r\n\r\n" + BODY,
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    OK + b"Content-Length: 19\r\nContent-Length: 19\r\n\r\n" + BODY,
    OK + b"Content-Length: x\r\n\r\n" + BODY,
    OK + b"X-Note: a\r\n b\r\nContent-Length: 19\r\n\r\n" + BODY,
    OK + b"\r\n" + BODY,
    OK + b"X-Long: " + b"x" * 9_000 + b"\r\nContent-Length: 19\r\n\r\n" + BODY,
    b"HTTP/1.0 200 OK\r\nContent-Length: 19\r\n\r\n" + BODY,
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 19\r\n\r\n" + BODY,
    b"HTTP/1.1 429 Slow\r\nContent-Length: 19\r\nRetry-After: 3\r\n\r\n" + BODY,
]


def exchanged(answer: bytes) -> tuple[Any, bool]:
    """Return what an exchange with this answer returns or raises, and whether its connection is kept."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection.__new__(Connection)
        connection._socket = ours
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        try:
            read = connection.exchange(b"POST")
        except (HTTPException, OSError) as error:
            return type(error), connection.reusable
        return (read.status, read.body), connection.reusable


@pytest.mark.parametrize("answer", [*PLAIN, *OTHERS])
def test_every_answer_is_read_as_http_client_reads_it(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = exchanged(answer)
    monkeypatch.setattr(connections, "_plain_answer", lambda _: None)
    assert exchanged(answer) == ours


@pytest.mark.parametrize("answer", PLAIN)
def test_a_plain_answer_is_read_without_an_object_of_its_headers(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("http.client.parse_headers", None)
    (status, _), kept = exchanged(answer)
    assert (status, kept) == (200, True)


@pytest.mark.parametrize("plain", [True, False])
def test_an_answer_that_ends_early_raises(plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not plain:
        monkeypatch.setattr(connections, "_plain_answer", lambda _: None)
    assert exchanged(PLAIN[0][:-1]) == (IncompleteRead, False)
