"""The server: a thread for each connection."""

import json
import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

from simulators.push import fcm
from simulators.push.faults import PushFault
from simulators.shared.serving import Serving

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class AcceptedPush:
    """A push that was accepted: the path and headers of its request, whose names are in lower case, and its body."""

    path: str
    headers: Mapping[str, str]
    body: Any


class PushSimulator(Serving):
    """A server on loopback for as long as a `with` block lasts. It takes pushes with an access token that it gave."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__()
        self.faults: Sequence[PushFault] = ()
        self.pushes: list[AcceptedPush] = []
        self.requests = 0
        self.tokens: list[str] = []
        """The access tokens that were given, each for an hour."""
        self.token_status = 200
        """How requests for access tokens are answered."""
        self.lock = threading.Lock()
        self._server: _Server = _Server(address, _Exchange)
        self._server.simulator = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def key_file(self, folder: Path) -> Path:
        """Write the key file of a service account whose access tokens this server gives. Return its path."""
        path = folder / "service-account.json"
        path.write_text(json.dumps(fcm.service_account(f"{self.url}/token")))
        return path

    def token(self) -> tuple[int, dict[str, Any]]:
        """Answer a request for an access token."""
        if self.token_status != 200:  # noqa: PLR2004
            return self.token_status, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        with self.lock:
            self.tokens.append(f"access-{uuid4()}")
            return 200, {"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}

    def push(self, push: AcceptedPush, text: str) -> tuple[int, dict[str, Any], Mapping[str, str], str]:
        """Answer a push: status, body, headers, and `then` of a fault."""
        with self.lock:
            self.requests += 1
            fault = next((each for each in self.faults if each.contains in text), None)
        authorized = push.headers.get("authorization", "").removeprefix("Bearer ") in self.tokens
        if not authorized:
            return *fcm.refused(401, "UNAUTHENTICATED", ""), {}, "refuse"
        if fault is not None and fault.then == "refuse":
            return *fcm.refused(fault.status, fault.code, text), fault.headers, fault.then
        with self.lock:
            self.pushes.append(push)
        return 200, fcm.accepted(push.path), {}, fault.then if fault else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    simulator: PushSimulator

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a client has closed its connection."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace")
        simulator = self.server.simulator
        if self.path == "/token":
            self._answer(*simulator.token(), {})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body, more, then = simulator.push(AcceptedPush(self.path, headers, json.loads(text)), text)
        if then == "accept_then_hang":
            simulator.over.wait()
        if then.startswith("accept"):
            self._reset()
        else:
            self._answer(status, body, more)

    def _answer(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.rfile.close()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""
