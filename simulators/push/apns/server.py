"""The server: a thread for each connection."""

import socketserver
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from h2.settings import SettingCodes

from simulators.push.apns.account import TOPIC, Account
from simulators.push.apns.faults import ApnsFault
from simulators.push.apns.reply import Reply
from simulators.push.apns.rules import refusal_of
from simulators.push.apns.session import Session
from simulators.shared.serving import Serving


@dataclass(frozen=True, slots=True)
class AcceptedApns:
    """A push that was accepted: the path and headers of its request, whose names are in lower case, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class ApnsSimulator(Serving):
    """APNs on loopback for as long as a `with` block lasts. It takes pushes that are signed with its `account.key`.

    `tls` is the context of a server with a certificate; None: without TLS. `settings` are those of HTTP/2.
    """

    def __init__(
        self,
        address: tuple[str, int] = ("127.0.0.1", 0),
        tls: ssl.SSLContext | None = None,
        settings: Mapping[SettingCodes, int] | None = None,
    ) -> None:
        super().__init__()
        self.account = Account()
        self.topic = TOPIC
        self.faults: Sequence[ApnsFault] = ()
        self.pushes: list[AcceptedApns] = []
        self.requests = 0
        self.connections = 0
        """How many were made so far."""
        self.tls = tls
        self.settings = dict(settings or {})
        self.lock = threading.Lock()
        self.open: set[Session] = set()
        self._server: _Server = _Server(address, _Handler)
        self._server.simulator = self

    @property
    def url(self) -> str:
        host, port = ("localhost", "https") if self.tls else ("127.0.0.1", "http")
        return f"{port}://{host}:{self._server.server_address[1]}"

    def close_connections(self) -> None:
        """Close those that are open, without a GOAWAY."""
        with self.lock:
            for each in self.open:
                each.cut()

    def answer(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Decide about a request, and keep it if it is accepted."""
        text = f"{headers} {body.decode('utf-8', 'replace')}"
        with self.lock:
            self.requests += 1
            fault = next((each for each in self.faults if each.fires(text)), None)
            unauthorized = self.account.fault_of(headers.get("authorization", ""))
        id_ = headers.get("apns-id") or str(uuid4())
        if fault is not None and not fault.then.startswith("accept"):
            return Reply(fault.status, fault.reason, text, id_, fault.then, fault.body)
        refused = (403, unauthorized) if unauthorized else refusal_of(headers, body, self.topic)
        if refused:
            return Reply(*refused, text, id_, None, None)
        with self.lock:
            self.pushes.append(AcceptedApns(headers[":path"], headers, body))
        return Reply(200, "", "", id_, fault.then if fault else None, fault.body if fault else None)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    simulator: ApnsSimulator

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a client has closed its connection."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        simulator = self.server.simulator
        sock: Any = self.request
        if simulator.tls:
            sock = simulator.tls.wrap_socket(sock, server_side=True)
        session = Session(sock, simulator.answer, simulator.settings)
        with simulator.lock:
            simulator.connections += 1
            simulator.open.add(session)
        try:
            session.serve()
        finally:
            with simulator.lock:
                simulator.open.discard(session)
            sock.close()
