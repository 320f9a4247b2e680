"""The HTTP server. It is an asyncio protocol of its own, because faults need the socket."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus

from simulators.http.messages import MAX_BODY, MAX_HEAD, MalformedRequest, Request, encode, take_request
from simulators.http.replies import Delayed, NoReply, Reply, Reset, Response, Truncated

Handler = Callable[[Request], Reply]

# close() then sends RST instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_REQUEST_NUMBERS = itertools.count(1)


class Server:
    """Answers each request as `handle` says."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; return the host and port that were bound. Raise OSError."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self._handle, self._connections), host, port, backlog=1024
        )
        bound: tuple[str, int] = self._listener.sockets[0].getsockname()[:2]
        return bound

    async def stop(self) -> None:
        """Stop listening and close all connections."""
        if self._listener is not None:
            self._listener.close()
        for connection in tuple(self._connections):
            connection.close()
        if self._listener is not None:
            await self._listener.wait_closed()


class Connection(asyncio.Protocol):
    """The connection of one client. Requests are answered in order: a delayed reply delays those behind it."""

    _transport: asyncio.Transport

    def __init__(self, handle: Handler, connections: "set[Connection]") -> None:
        self._handle = handle
        self._connections = connections
        self._buffer = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  create_server makes no other kind
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._answer_all()
        elif len(self._buffer) > MAX_BODY + MAX_HEAD:
            self._transport.abort()

    def close(self) -> None:
        self._transport.abort()

    def _answer_all(self) -> None:
        try:
            while not self._busy and (request := take_request(self._buffer)) is not None:
                self._carry_out(self._handle(request), request.keep_alive)
        except MalformedRequest as error:
            body = HTTPStatus(error.status).phrase.encode()
            self._write(Response(error.status, body, "text/plain"), keep_alive=False)

    def _carry_out(self, reply: Reply, keep_alive: bool) -> None:
        match reply:
            case Response():
                self._write(reply, keep_alive)
            case Truncated(response):
                self._busy = True
                whole = encode(response, _request_id(), keep_alive)
                self._transport.write(whole[: len(whole) - (len(response.body) + 1) // 2])
                self._transport.close()
            case Reset():
                self._busy = True
                self._reset()
            case NoReply():
                self._busy = True
            case Delayed(seconds, make):
                self._busy = True
                asyncio.get_running_loop().call_later(seconds, self._resume, make, keep_alive)

    def _resume(self, make: Callable[[], Reply], keep_alive: bool) -> None:
        self._busy = False
        self._carry_out(make(), keep_alive)
        if not self._busy:
            self._answer_all()

    def _write(self, response: Response, keep_alive: bool) -> None:
        self._transport.write(encode(response, _request_id(), keep_alive))
        if not keep_alive:
            self._busy = True
            self._transport.close()

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()


def _request_id() -> str:
    return f"00000000-0000-4000-8000-{next(_REQUEST_NUMBERS):012x}"
