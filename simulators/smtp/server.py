"""The server: a thread for each connection."""

import socketserver
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulators.shared.serving import Serving
from simulators.smtp.faults import Fault
from simulators.smtp.session import Session


@dataclass(frozen=True, slots=True)
class SmtpMail:
    """A mail that was accepted: its envelope and its bytes, without the dots that SMTP doubles."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes

    @property
    def recipient(self) -> str:
        """The first of them; empty if there is none."""
        return next(iter(self.recipients), "")


class SmtpSimulator(Serving):
    """An SMTP server on loopback for as long as a `with` block lasts.

    `tls` offers STARTTLS, or encrypts from the first byte with `implicit`. `users` are logins with their passwords;
    none: no login is offered. `size` is the most bytes of a mail, as EHLO tells.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        size: int = 10_000_000,
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        super().__init__()
        self.tls = tls
        self.implicit = implicit
        self.users = users or {}
        self.size = size
        self.faults: Sequence[Fault] = ()
        self.mails: list[SmtpMail] = []
        self.contents = 0
        """Contents that were received to their end, accepted or not."""
        self.connections = 0
        self._lock = threading.Lock()
        self._server: _Server = _Server(address, _Handler)
        self._server.simulator = self

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def fault(self, at: str, text: str = "") -> Fault | None:
        """Return the fault that happens at this command, None if it goes well."""
        with self._lock:
            return next((each for each in self.faults if each.fires(at, text)), None)

    def add(self, sender: str, recipients: tuple[str, ...], data: bytes) -> str:
        """Keep a mail; return its number in the queue."""
        with self._lock:
            self.mails.append(SmtpMail(sender, recipients, data))
            return f"{len(self.mails):08X}"

    def came(self) -> None:
        """Count a content that was received."""
        with self._lock:
            self.contents += 1


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True
    simulator: SmtpSimulator

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a client has closed its connection."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        Session(self.server.simulator, self.request).run()
