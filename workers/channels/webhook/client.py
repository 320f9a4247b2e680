"""The HTTP client of webhooks: one request per call.

It uses httpcore, the layer below httpx, and so has no redirects, cookies, proxies, .netrc passwords or decompression.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple

import httpcore
import httpx

from notifier.send_pool import Timeouts
from workers.channels.webhook.network import GuardedNetwork

IDLE_SECONDS = 4.0
"""Many servers close a connection that has been idle for five seconds. A request on a connection that has just been
closed would look like a lost answer."""
MAX_BODY = 2048
"""Bytes of an answer's body that are read at most: enough for the reason of an outcome."""


class WebhookResponse(NamedTuple):
    """An answer. The names of `headers` are in lower case; `body` is at most the first MAX_BODY bytes."""

    status: int
    headers: Mapping[str, str]
    body: str


class WebhookClient:
    """Posts webhooks. Thread-safe; no connection before the first request."""

    def __init__(self, timeouts: Timeouts, connections: int, *, allow_private: bool) -> None:
        self._timeouts = timeouts
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=GuardedNetwork(allow_private=allow_private),
        )

    def post(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> WebhookResponse:
        """Send one POST and return the answer. Raise AddressRefused, or what httpcore raises."""
        # Given here because httpcore writes an IPv6 address into Host without its brackets.
        lines = [
            (b"Host", url.netloc),
            *((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
        ]
        with self._pool.stream(
            "POST",
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=lines,
            content=body,
            extensions={"timeout": self._deadlines()},
        ) as answer:
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return WebhookResponse(answer.status, names, _beginning(answer))

    def close(self) -> None:
        self._pool.close()

    def _deadlines(self) -> dict[str, float]:
        """Return httpcore's timeouts: points in time for `GuardedNetwork`, seconds for the pool."""
        now = time.monotonic()
        connected, answered = now + self._timeouts.connect, now + self._timeouts.answer
        return {"pool": self._timeouts.connect, "connect": connected, "write": answered, "read": answered}


def _beginning(answer: httpcore.Response) -> str:
    """Return at most MAX_BODY bytes of the body, also if it breaks off: the status alone decides the outcome."""
    body = b""
    try:
        for piece in answer.iter_stream():
            body += piece
            if len(body) >= MAX_BODY:
                break
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        pass
    return body[:MAX_BODY].decode("utf-8", "replace")
