"""HTTP/1.1 with keep-alive and little CPU: requests are read into one buffer, and not copied out of it."""

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

_ROOM = 2 * 2**20  # SendBulkEmail takes 1 MB
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Request(NamedTuple):
    """The body is `body[start:stop]`, a buffer that is used again after the response."""

    line: bytes
    body: bytearray
    start: int
    stop: int


Handler = Callable[[Request], tuple[int, bytes]]
"""Returns the status and the JSON body of the response."""


class Connection(asyncio.BufferedProtocol):
    """The connection of one client. Requests are answered in order."""

    _transport: asyncio.Transport

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._buffer = bytearray(_ROOM)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._wanted = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  create_server makes no other kind
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        while self._filled >= self._wanted and (request := self._whole()) is not None:
            status, body = self._handle(request)
            self._transport.write(_RESPONSE % (status, len(body), body))
            left = self._filled - request.stop
            self._buffer[:left] = self._buffer[request.stop : self._filled]
            self._filled, self._wanted = left, 1
        if self._filled == _ROOM:
            self._transport.abort()

    def _whole(self) -> Request | None:
        """The first request; None while it is incomplete."""
        end = self._buffer.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            return None
        length = _LENGTH.search(self._buffer, 0, end)
        start = end + 4
        self._wanted = start + (int(length[1]) if length else 0)
        if self._filled < self._wanted:
            return None
        line = bytes(self._buffer[: self._buffer.index(b" HTTP/")])
        return Request(line, self._buffer, start, self._wanted)


_RESPONSE = b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
