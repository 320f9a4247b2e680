"""A TCP proxy on 127.0.0.1 that breaks connections: now, in the middle of a request, or before an answer."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from sandbox.embedded.allocation import free_port

T = TypeVar("T")
_CHUNK = 65_536
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

CUT, DELAYED, REFUSED = "cut", "delayed", "refused"


class Cut(Exception):
    """The connection ends here."""


class Refused(Exception):
    """The client gets this answer; the server got nothing."""


@dataclass
class Trap:
    """Harms the first connection that walks into it; `sprung` once it did."""

    sprung: bool = field(default=False, init=False)

    def sent(self, data: bytes) -> bytes:
        """What is passed on to the server of what the client sends. Raises Cut with the last of it."""
        return data

    def answered(self, data: bytes) -> bytes:
        """The same for what the server sends."""
        return data


@dataclass
class CutAt(Trap):
    """After so many bytes of the requests or, where `answers`, of the answers: in the middle of whatever it is."""

    bytes_left: int = 0
    answers: bool = False

    def sent(self, data: bytes) -> bytes:
        return data if self.answers else self._passed(data)

    def answered(self, data: bytes) -> bytes:
        return self._passed(data) if self.answers else data

    def _passed(self, data: bytes) -> bytes:
        if len(data) < self.bytes_left:
            self.bytes_left -= len(data)
            return data
        raise Cut(data[: self.bytes_left])


@dataclass
class LoseAnswer(Trap):
    """The server gets the whole request, the client never gets the answer. `to` is a part of the request."""

    to: bytes = b""
    asked: bool = False

    def sent(self, data: bytes) -> bytes:
        self.asked = self.asked or self.to in data
        return data

    def answered(self, data: bytes) -> bytes:
        if self.asked:
            raise Cut(b"")
        return data


@dataclass
class Delay(Trap):
    """The next bytes arrive so many `seconds` later. Nothing is lost."""

    seconds: float = 0.0


@dataclass
class Refuse(Trap):
    """The client's next request, of HTTP, gets `answer`; the server never sees it. The connection goes on."""

    answer: bytes = b""
    _request: bytes = b""

    def sent(self, data: bytes) -> bytes:
        if not self._request and not data.startswith(b"POST "):  # the rest of a request that has partly passed
            return data
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            raise Refused(self.answer)
        return b""


@dataclass(eq=False)
class Connection:
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    trap: Trap | None = None
    open: bool = True

    def abort(self) -> None:
        self.open = False
        for writer in self.writers:
            writer.transport.abort()


@dataclass
class Proxy:
    """Listens on `port` for as long as a block lasts. Its methods may be called from any thread.

    `harmed` counts the connections that were CUT or DELAYED and the requests that were REFUSED, when that happened: a
    trap that no connection met is not counted.
    """

    target: int
    port: int = field(default_factory=free_port)
    harmed: Counter[str] = field(default_factory=Counter)
    _connections: set[Connection] = field(default_factory=set)
    _traps: list[Trap] = field(default_factory=list)

    def cut_all(self) -> int:
        """End every connection at once; answers how many there were."""
        return self._call(self._cut_all)

    def set_trap(self, trap: Trap) -> None:
        """For the next connection that moves a byte and has none."""
        self._call(lambda: self._traps.append(trap))

    @property
    def traps(self) -> int:
        """How many no connection has walked up to yet."""
        return len(self._traps)

    def stall(self, seconds: float) -> None:
        """Pass on nothing for so long, and refuse no connection."""
        self._call(lambda: self._stall(seconds))

    def heal(self) -> None:
        """Forget the traps, sprung or not."""
        self._call(self._heal)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.port}", daemon=True)
        self._thread.start()
        self._server = self._run(self._serve())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._server.close)
        self._call(self._cut_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> asyncio.Server:
        self._passing = asyncio.Event()
        self._passing.set()
        return await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=_CHUNK)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            their_reader, their_writer = await asyncio.open_connection("127.0.0.1", self.target, limit=_CHUNK)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection((writer, their_writer))
        self._connections.add(connection)
        try:
            await asyncio.gather(
                self._pump(connection, reader, their_writer, "sent"),
                self._pump(connection, their_reader, writer, "answered"),
            )
        finally:
            connection.abort()
            self._connections.discard(connection)

    async def _pump(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        try:
            while connection.open and (data := await reader.read(_CHUNK)):
                await self._stalled(connection)
                if connection.trap is None and self._traps:
                    connection.trap = self._traps.pop(0)
                if isinstance(connection.trap, Delay):
                    await self._delayed(connection, connection.trap)
                try:
                    writer.write(getattr(connection.trap, way)(data) if connection.trap else data)
                except Refused as refused:
                    self._spring(connection, REFUSED)
                    connection.writers[0].write(refused.args[0])
                await writer.drain()
        except Cut as cut:
            if connection.open:
                self._spring(connection, CUT)
            writer.write(cut.args[0])
            await asyncio.sleep(0)  # the part that leaves before the end
        except OSError:
            pass
        connection.abort()

    async def _stalled(self, connection: Connection) -> None:
        if not self._passing.is_set():
            await self._passing.wait()
            self.harmed[DELAYED] += connection.open

    async def _delayed(self, connection: Connection, trap: Delay) -> None:
        connection.trap = None  # what comes the other way meanwhile is not delayed
        await asyncio.sleep(trap.seconds)
        if connection.open:
            trap.sprung = True
            self.harmed[DELAYED] += 1

    def _spring(self, connection: Connection, harm: str) -> None:
        assert connection.trap is not None
        connection.trap.sprung = True
        connection.trap = None
        self.harmed[harm] += 1

    def _cut_all(self) -> int:
        cut = [connection for connection in self._connections if connection.open]
        for connection in cut:
            connection.abort()
        self.harmed[CUT] += len(cut)
        return len(cut)

    def _stall(self, seconds: float) -> None:
        self._passing.clear()
        self._loop.call_later(seconds, self._passing.set)

    def _heal(self) -> None:
        self._traps.clear()
        self._passing.set()
        for connection in self._connections:
            connection.trap = None

    def _call(self, what: Callable[[], T]) -> T:
        async def call() -> T:
            return what()

        return self._run(call())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(10)
