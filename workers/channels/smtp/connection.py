"""One connection to an SMTP server: smtplib's client, with a deadline for each mail and the stage of each failure."""

import math
import select
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from workers.channels.smtp.mail import Mail
from workers.channels.smtp.replies import Reply, Stage

_OK = 250
_READY = 220
_SEND_CONTENT = 354
_CLOSING = 421
_ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True)
class Server:
    """The server, how it is reached, and the login. `tls` is None for no TLS at all."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    tls: ssl.SSLContext | None
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for the TCP connection; from then to the end of the login; for one mail."""

    connect: float
    log_in: float
    mail: float

    @classmethod
    def of(cls, lease: float) -> "Limits":
        """Return limits with which a mail that begins in the first half of the lease ends within it."""
        return cls(min(3.0, lease / 10), lease / 10, lease * 0.29)

    @property
    def all(self) -> float:
        """Seconds for one mail with all that precedes it."""
        return self.connect + self.log_in + self.mail


class NotConnected(Exception):
    """There is no connection; nothing was sent."""


class Refused(Exception):
    """The server refused a command."""

    def __init__(self, stage: Stage, reply: Reply) -> None:
        super().__init__(stage, reply)
        self.stage = stage
        self.reply = reply


class Lost(Exception):
    """The connection ended, or the time was over. `content_sent`: the server may have all of the content."""

    def __init__(self, stage: Stage, why: str, *, content_sent: bool) -> None:
        super().__init__(why)
        self.stage = stage
        self.content_sent = content_sent


class Connection:
    """An open connection after its login. Not thread-safe: it sends one mail at a time."""

    def __init__(self, server: Server, limits: Limits) -> None:
        """Raise NotConnected, Refused or Lost."""
        self._limits = limits
        self.mails = 0
        self.usable = True
        """Whether another mail may be sent on it."""
        self.used_at = time.monotonic()
        self._client = _Client(server, limits.connect)
        try:
            self._log_in(server)
        except BaseException:
            self._client.close()
            raise

    def send(self, mail: Mail, until: float = math.inf) -> None:
        """Send one mail, until a time of `time.monotonic` at most: when this returns, the server has accepted it.

        It goes to all of its recipients or to none. Raise Refused if it does not, Lost if that is not known.
        """
        client = self._client
        client.until = min(time.monotonic() + self._limits.mail, until)
        self.usable = False
        size = f" SIZE={len(mail.data)}" if client.has_extn("size") else ""
        try:
            self._command(Stage.SENDER, "MAIL", f"FROM:<{mail.sender}>{size}")
            for each in mail.recipients:
                self._command(Stage.RECIPIENT, "RCPT", f"TO:<{each}>")
            self._command(Stage.DATA, "DATA", expected=range(_SEND_CONTENT, _SEND_CONTENT + 1))
            self._content(mail.data)
        except Refused as refused:
            self.usable = refused.reply.code != _CLOSING and self._resets()
            raise
        self.usable = True

    def dropped(self) -> bool:
        """Return whether the server has closed it, or has sent something without a command."""
        poll = select.poll()
        poll.register(self._client.opened(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close it without a word: a QUIT would wait for its answer."""
        self._client.close()

    def _log_in(self, server: Server) -> None:
        client = self._client
        client.until = time.monotonic() + self._limits.log_in
        self._expect(Stage.CONNECT, client.greeting(), range(_READY, _READY + 1))
        self._hello()
        if server.security == "starttls" and server.tls is not None:
            if not client.has_extn("starttls"):
                raise Refused(Stage.CONNECT, Reply(502, "5.7.10 the server offers no STARTTLS"))
            self._command(Stage.CONNECT, "STARTTLS", expected=range(_READY, _READY + 1))
            client.start_tls(server)
            self._hello()
        if server.user:
            self._authenticate(server)

    def _hello(self) -> None:
        try:
            self._expect(Stage.CONNECT, self._client.ehlo(), _ACCEPTED)
        except smtplib.SMTPException as error:
            raise Lost(Stage.CONNECT, str(error), content_sent=False) from None

    def _authenticate(self, server: Server) -> None:
        try:
            self._client.login(server.user, server.password, initial_response_ok=True)
        except smtplib.SMTPResponseException as error:
            raise Refused(Stage.LOGIN, Reply(error.smtp_code, _text(error.smtp_error))) from None
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(Stage.LOGIN, str(error), content_sent=False) from None
        except (smtplib.SMTPException, ValueError) as error:  # no way that both sides know, or no base64
            raise Refused(Stage.LOGIN, Reply(535, f"5.7.9 {error}")) from None

    def _command(self, stage: Stage, name: str, argument: str = "", expected: range = _ACCEPTED) -> None:
        try:
            answered = self._client.docmd(name, argument)
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(stage, str(error), content_sent=False) from None
        except smtplib.SMTPResponseException as error:  # a line without an end
            raise Lost(stage, str(error.smtp_code), content_sent=False) from None
        self._expect(stage, answered, expected)

    def _content(self, data: bytes) -> None:
        """Send the content, then its last dot.

        A connection that ends before the dot has delivered nothing: the server must cancel the mail (RFC 5321,
        4.1.1.10).
        """
        try:
            self._client.send(data if data.endswith(b"\r\n") else data + b"\r\n")
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(Stage.CONTENT, str(error), content_sent=False) from None
        try:
            self._client.send(b".\r\n")
            answered = self._client.getreply()
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException) as error:
            raise Lost(Stage.CONTENT, str(error), content_sent=True) from None
        code, text = answered
        if code not in _ACCEPTED and code not in range(400, 600):
            raise Lost(Stage.CONTENT, f"an answer that is none: {code} {_text(text)}", content_sent=True)
        self._expect(Stage.CONTENT, answered, _ACCEPTED)

    def _expect(self, stage: Stage, answered: tuple[int, bytes], expected: range) -> None:
        code, text = answered
        if code not in expected:
            raise Refused(stage, Reply(code, _text(text)))

    def _resets(self) -> bool:
        """End the transaction that was refused. Return whether the connection can be used again."""
        try:
            return self._client.rset()[0] == _OK
        except smtplib.SMTPException:
            return False


class _Client(smtplib.SMTP):
    """smtplib's client. All reads and writes together end at `until`, a time of `time.monotonic`."""

    def __init__(self, server: Server, seconds: float) -> None:
        """Open the connection. Raise NotConnected."""
        super().__init__(local_hostname="localhost")  # replaced below; without it smtplib asks a name server
        self.until = time.monotonic() + seconds
        try:
            self.sock: socket.socket | None = socket.create_connection((server.host, server.port), seconds)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.local_hostname = _literal(self.sock.getsockname()[0])
            if server.security == "tls":
                self.start_tls(server)
        except (OSError, UnicodeError) as error:
            self.close()
            if isinstance(error, ssl.SSLCertVerificationError):
                raise _untrusted(error) from None
            raise NotConnected(f"{type(error).__name__}: {error}") from None

    def opened(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self.sock

    def greeting(self) -> tuple[int, bytes]:
        try:
            return self.getreply()
        except smtplib.SMTPException as error:
            raise Lost(Stage.CONNECT, str(error), content_sent=False) from None

    def start_tls(self, server: Server) -> None:
        """Encrypt. Drop what was read before: it was not authenticated, so another machine may have written it."""
        sock = self.opened()
        try:
            sock.settimeout(self._left())
            assert server.tls is not None  # noqa: S101  narrows the type
            self.sock = server.tls.wrap_socket(sock, server_hostname=server.host)
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise _untrusted(error) from None
        except OSError as error:
            self.close()
            raise NotConnected(f"TLS: {type(error).__name__}: {error}") from None
        self.file = None
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def send(self, s: Any) -> None:
        try:
            self.opened().settimeout(self._left())
        except TimeoutError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(str(error)) from None
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = _Lines(self)
        return super().getreply()

    def read(self) -> bytes:
        """Return some bytes, none if the server has closed. Raise OSError."""
        sock = self.opened()
        sock.settimeout(self._left())
        return sock.recv(8192)

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left


class _Lines:
    """The replies of a server, line by line. A server that sends one byte at a time does not exceed the deadline."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._buffer = b""

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._buffer and len(self._buffer) < limit:
            if not (some := self._client.read()):
                break
            self._buffer += some
        end = min(self._buffer.find(b"\n") + 1 or len(self._buffer), limit)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def close(self) -> None:
        """The socket is closed by the client."""


def _untrusted(error: ssl.SSLCertVerificationError) -> Refused:
    return Refused(Stage.CONNECT, Reply(554, f"5.7.5 the server's certificate is refused: {error.verify_message}"))


def _literal(address: str) -> str:
    """Return this machine's address as EHLO names it: valid without a name in DNS."""
    found = ip_address(address.partition("%")[0])
    return f"[IPv6:{found}]" if found.version == 6 else f"[{found}]"  # noqa: PLR2004


def _text(given: bytes | str) -> str:
    return given.decode("utf-8", "replace") if isinstance(given, bytes) else given
