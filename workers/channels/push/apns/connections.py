"""The connections to one server: kept open, and each used by one request at a time."""

import socket
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus

import httpx

from notifier.send_pool import Timeouts
from workers.channels.push.apns.connection import IDLE_SECONDS, Connection
from workers.channels.push.apns.errors import NotConnected, NotProcessed
from workers.channels.push.apns.response import ApnsResponse
from workers.channels.webhook.network import connected, look_up

KEPT_SECONDS = 600.0
"""A connection that was not needed for so long is closed."""


class Connections:
    """Posts over connections that it keeps. Thread-safe; opens none before the first request."""

    def __init__(self, url: httpx.URL, timeouts: Timeouts) -> None:
        """`url` names the server: by https://, or by http:// for a simulator that speaks HTTP/2 without TLS."""
        secure = url.scheme == "https"
        self._host, self._port = url.host, url.port or (443 if secure else 80)
        self._authority = url.netloc.decode()
        self._timeouts = timeouts
        self._tls = httpx.create_ssl_context() if secure else None
        if self._tls:
            self._tls.set_alpn_protocols(["h2"])
        self._lock = threading.Lock()
        self._kept: list[Connection] = []
        self._closed = False

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> ApnsResponse:
        """Send one POST and return its answer. Raise NotConnected, NotProcessed or AnswerLost.

        What the server says not to have processed is sent once more, over a new connection (RFC 9113, 8.7), within
        the same time.
        """
        until = time.monotonic() + self._timeouts.answer
        try:
            return self._post(self._take(until), path, headers, body, until)
        except NotProcessed:
            return self._post(self._open(until), path, headers, body, until)

    def close(self) -> None:
        with self._lock:
            self._closed, kept, self._kept = True, self._kept, []
        for each in kept:
            each.close()

    def _post(
        self, connection: Connection, path: str, headers: Mapping[str, str], body: bytes, until: float
    ) -> ApnsResponse:
        try:
            answer = connection.post(path, {":authority": self._authority, **headers}, body, until)
        except BaseException:
            connection.close()
            raise
        self._give_back(connection, answer)
        return answer

    def _take(self, until: float) -> Connection:
        """Return the connection that was used last, so that others become old; a new one if it does not answer."""
        with self._lock:
            kept = self._kept.pop() if self._kept else None
        if kept is None:
            return self._open(until)
        if kept.answers(until):
            return kept
        kept.close()
        self._close_idle(IDLE_SECONDS)  # each of them would have to be waited for in the same way
        return self._take(until)

    def _give_back(self, connection: Connection, answer: ApnsResponse) -> None:
        """Keep the connection, unless it ends or its server fails: another one may not."""
        with self._lock:
            keep = not self._closed and not connection.ended and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
            if keep:
                self._kept.append(connection)
        if not keep:
            connection.close()
        self._close_idle(KEPT_SECONDS)

    def _close_idle(self, seconds: float) -> None:
        """Close the connections that were not used for so long. Those at the front were used least recently."""
        while True:
            with self._lock:
                if not self._kept or self._kept[0].idle_seconds <= seconds:
                    return
                old = self._kept.pop(0)
            old.close()

    def _open(self, until: float) -> Connection:
        """Return a new connection. Raise NotConnected."""
        limit = min(until, time.monotonic() + self._timeouts.connect)
        try:
            sock = connected(look_up(self._host, self._port), self._port, limit)
        except (OSError, ValueError) as error:
            raise NotConnected(f"{type(error).__name__}: {error}") from error
        try:
            return Connection(self._secured(sock, limit), limit)
        except OSError as error:
            sock.close()
            raise NotConnected(f"{type(error).__name__}: {error}") from error

    def _secured(self, sock: socket.socket, until: float) -> socket.socket:
        if self._tls is None:
            return sock
        sock.settimeout(max(until - time.monotonic(), 0.001))
        secured = self._tls.wrap_socket(sock, server_hostname=self._host)
        if secured.selected_alpn_protocol() != "h2":
            secured.close()
            raise NotConnected("the server does not speak HTTP/2")
        return secured
