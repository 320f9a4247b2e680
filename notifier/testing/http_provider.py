"""A provider for tests that answers HTTP on loopback. A subclass says which message a request is for."""

import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from notifier.messages import Message
from notifier.testing.provider import Behaviour

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came. The names of `headers` are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to a request."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpProvider(ABC):
    """A `Provider` on loopback, within a `with` block. Its refusals quote the whole request, as many providers do.

    Example:
        class NtfyServer(HttpProvider):
            def concerns(self, request: HttpRequest, message: Message[Push, str]) -> bool:
                return json.loads(request.body)["topic"] == message.request.to

        with NtfyServer() as server:
            server.behave(Behaviour.CUT)
            httpx.post(server.url, json={"topic": "a"})  # raises: no answer comes
    """

    def __init__(self) -> None:
        self.received: list[HttpRequest] = []
        self.connections = 0
        self._taken: dict[object, HttpRequest] = {}
        self._behaviour = Behaviour.ACCEPT
        self._only: Message[Any, Any] | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = _Server(self)
        self._closed = socket.socket()  # bound and not listening: its port refuses connections
        self._closed.bind(("127.0.0.1", 0))

    @abstractmethod
    def concerns(self, request: HttpRequest, message: Message[Any, Any]) -> bool:
        """Return whether the request is for this message."""

    def key(self, request: HttpRequest) -> str | None:  # noqa: ARG002
        """Return the idempotency key of a request, None if every request is another message."""
        return None

    def accepts(self, request: HttpRequest) -> HttpAnswer:  # noqa: ARG002
        """Return the answer to a request that is accepted. `refuses` and `throttles` are for the others."""
        return HttpAnswer(200, b"{}")

    def refuses(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(400, quoted(request))

    def throttles(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(429, quoted(request), {"Retry-After": "7"})

    @property
    def url(self) -> str:
        """The address of the provider; of a closed port while it is unreachable."""
        bound = self._closed if self._behaviour is Behaviour.UNREACHABLE else self._server.socket
        return f"http://127.0.0.1:{bound.getsockname()[1]}"

    def behave(self, behaviour: Behaviour, only: Message[Any, Any] | None = None) -> None:
        self._over.set()  # requests that hang end
        self._over = threading.Event()
        self._behaviour, self._only = behaviour, only

    def accepted(self, message: Message[Any, Any]) -> int:
        with self._lock:
            return sum(self.concerns(request, message) for request in self._taken.values())

    def requests(self) -> int:
        return len(self.received)

    def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """Return the answer to a request, None to close the connection without one."""
        behaviour, over = self._behaviour, self._over
        if self._only is not None and not self.concerns(request, self._only):
            behaviour = Behaviour.ACCEPT
        with self._lock:
            self.received.append(request)
            if behaviour not in (Behaviour.REFUSE, Behaviour.THROTTLE):
                self._taken.setdefault(self.key(request) or object(), request)
        if behaviour is Behaviour.HANG:
            over.wait()
        match behaviour:
            case Behaviour.ACCEPT:
                return self.accepts(request)
            case Behaviour.REFUSE:
                return self.refuses(request)
            case Behaviour.THROTTLE:
                return self.throttles(request)
        return None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._closed.close()


def quoted(request: HttpRequest) -> bytes:
    """Return the text of a refusal that quotes the request."""
    return f"cannot do http://{request.headers.get('host')}{request.path}\r\n".encode() + request.body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, provider: HttpProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.provider = provider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing when a client has closed its connection."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.server.provider.connections += 1
        super().setup()

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.server.provider.answer(HttpRequest(self.path, headers, body))
        if answer is None:
            self._reset()
            return
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def do_PUT(self) -> None:
        self.do_POST()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        for each in (self.rfile, self.wfile, self.connection):
            with contextlib.suppress(OSError):
                each.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""
