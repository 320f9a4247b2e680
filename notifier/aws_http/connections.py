"""Connections to one server, each for one request at a time. A request is written once, and only on a fresh one.

This is our own code because httpcore, which webhooks use, was measured to cost more CPU in bulk mode, with 50 mails
in a call. Both took turns in one run, on a busy machine; these are the best rounds of each:

- one call of 150 KB by itself: 122 us here and 374 us with httpcore 1.0.9, which is 5 us more for a mail
- the whole channel with its 64 threads, as in `bench.parts.ses`: 60 us for a mail here and 80 us with httpcore
"""

import re
import select
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection, IncompleteRead
from io import BufferedReader
from typing import NamedTuple
from urllib.parse import SplitResult

from notifier.process.clock import boottime

FRESH_SECONDS = 20.0
"""No request is written on a connection that was opened longer ago: the server may just have closed it, which would
look like a lost answer. It also makes changes of DNS take effect within this time."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_PLAIN = re.compile(rb"HTTP/1\.1 200 [^\r\n]*(?:\r\n[!-9;-~]+:[^\r\n]*)+")
_OF_TRANSFER = re.compile(
    rb"\r\n(?:connection|keep-alive|transfer-encoding|upgrade):(?! *keep-alive(?:\r|\Z))", re.IGNORECASE
)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LONGEST_LENGTH = 8
"""Digits."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The server, and how it is reached. Timeouts are in seconds; `tls` is None for http://.

    `proxy` is the URL of a proxy that is itself reached by http://, None for none.
    """

    url: SplitResult
    connect_timeout: float
    read_timeout: float
    tls: ssl.SSLContext | None = None
    proxy: SplitResult | None = None
    proxy_headers: Mapping[str, str] = field(default_factory=dict)


class NotConnected(Exception):
    """There is no connection: not a byte of the request was written."""


class HttpResponse(NamedTuple):
    """A whole answer. `headers` may be empty if it is 200: they are for errors."""

    status: int
    headers: HTTPMessage
    body: bytes


class Connections:
    """Idle connections, kept for the next request. Thread-safe; opens none before the first request."""

    def __init__(self, peer: Peer, clock: Callable[[], float] = boottime) -> None:
        self._peer = peer
        self._clock = clock
        # First in, first out: all are used in turn, so that none stays here after it is too old.
        self._kept: deque[Connection] = deque()

    def take(self) -> "Connection":
        """Return an idle connection or a new one. Raise NotConnected if none can be opened."""
        while True:
            try:
                connection = self._kept.popleft()
            except IndexError:
                return Connection(self._peer, self._clock())
            if self._clock() - connection.opened_at <= FRESH_SECONDS and not connection.dropped():
                return connection
            connection.close()

    def give_back(self, connection: "Connection") -> None:
        """Keep the connection for the next request, or close it if it is not reusable."""
        if connection.reusable:
            self._kept.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()


class Connection:
    """An open connection. It is reusable until an exchange fails, or until the server announces that it closes."""

    def __init__(self, peer: Peer, opened_at: float) -> None:
        """Raise NotConnected."""
        self.opened_at = opened_at
        self.reusable = True
        try:
            self._socket = _connected(peer)
        except Exception as error:
            raise NotConnected(f"{peer.url.hostname}: {type(error).__name__}: {error}") from error

    def exchange(self, request: bytes) -> HttpResponse:
        """Write the request and return its answer. If it raises, the request may have been accepted."""
        self.reusable = False
        self._socket.sendall(request)
        with HTTPResponse(self._socket, method="POST") as response:
            if (answer := _plain_answer(response.fp)) is not None:
                self.reusable = True
                return answer
            response.begin()
            answer = HttpResponse(response.status, response.headers, response.read())
            self.reusable = not response.will_close
        return answer

    def dropped(self) -> bool:
        """Return whether the server has closed it, or has sent bytes without a request."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()


def _plain_answer(file: BufferedReader) -> HttpResponse | None:
    """Return an answer that is 200, has a length and no other header about the transfer, as nearly all are.

    None for any other, of which nothing is read then: it is for `HTTPResponse`, which makes an object of the headers
    and so takes three times as long. Raise IncompleteRead.
    """
    head, end, _ = file.peek().partition(b"\r\n\r\n")
    if not end or not _PLAIN.fullmatch(head) or _OF_TRANSFER.search(head):
        return None
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or not lengths[0].isdigit() or len(lengths[0]) > _LONGEST_LENGTH:
        return None
    length = int(lengths[0])
    file.read(len(head) + len(end))
    body = file.read(length)
    if len(body) < length:
        raise IncompleteRead(body, length - len(body))
    return HttpResponse(200, HTTPMessage(), body)


def _connected(peer: Peer) -> socket.socket:
    connection = _unconnected(peer)
    try:
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.sock.settimeout(peer.read_timeout)
    except BaseException:
        connection.close()
        raise
    return connection.sock


def _unconnected(peer: Peer) -> HTTPConnection:
    first = peer.proxy or peer.url
    host, port = first.hostname or "", first.port or DEFAULT_PORTS[first.scheme]
    if peer.tls is None:
        return HTTPConnection(host, port, timeout=peer.connect_timeout)
    connection = HTTPSConnection(host, port, timeout=peer.connect_timeout, context=peer.tls)
    if peer.proxy:
        connection.set_tunnel(peer.url.hostname or "", peer.url.port, dict(peer.proxy_headers))
    return connection
