"""One connection of the SMTP simulator."""

import base64
import re
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.smtp.server import SmtpSimulator

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PATH = re.compile(r"(?:FROM|TO):<(.*)>", re.IGNORECASE)
_ORDER = "503 5.5.1 bad sequence of commands"


class _Over(Exception):
    """The connection ends."""


class Session:
    """Answers the commands of one client."""

    def __init__(self, simulator: "SmtpSimulator", sock: socket.socket) -> None:
        self._simulator = simulator
        self._socket = sock
        self._lines = sock.makefile("rb")
        self._encrypted = False
        self._known = not simulator.users
        self._sender: str | None = None
        self._recipients: tuple[str, ...] = ()

    def run(self) -> None:
        """Serve until the client leaves, or a fault ends the connection."""
        self._simulator.connections += 1
        try:
            if self._simulator.implicit:
                self._encrypt()
            self._greet()
            while line := self._lines.readline():
                self._answer(line.decode("utf-8", "replace").strip())
        except (OSError, _Over):
            pass
        finally:
            self._lines.close()
            self._socket.close()

    def _greet(self) -> None:
        if not self._fails("CONNECT", ""):
            self._say("220 simulator ESMTP")

    def _answer(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        name = name.upper()
        if self._fails(name, line):
            return
        match name:
            case "EHLO":
                self._hello()
            case "STARTTLS" if self._simulator.tls and not self._encrypted:
                self._say("220 2.0.0 ready")
                self._encrypt()
            case "AUTH":
                self._log_in(argument)
            case "MAIL" | "RCPT":
                self._say(self._address(name, argument))
            case "DATA":
                self._data()
            case "RSET":
                self._sender, self._recipients = None, ()
                self._say("250 2.0.0 ok")
            case "QUIT":
                self._say("221 2.0.0 bye")
                raise _Over
            case _:
                self._say("502 5.5.1 no such command")

    def _hello(self) -> None:
        offered = ["simulator", f"SIZE {self._simulator.size}", "ENHANCEDSTATUSCODES"]
        if self._simulator.tls and not self._encrypted:
            offered.append("STARTTLS")
        if self._simulator.users:
            offered.append("AUTH PLAIN LOGIN")
        for each in offered[:-1]:
            self._say(f"250-{each}")
        self._say(f"250 {offered[-1]}")

    def _log_in(self, argument: str) -> None:
        way, _, given = argument.partition(" ")
        if way.upper() != "PLAIN" or not given:
            self._say("504 5.5.4 PLAIN with its answer only")
            return
        _, user, password = base64.b64decode(given).decode().split("\0")
        self._known = self._simulator.users.get(user) == password
        self._say("235 2.7.0 ok" if self._known else f"535 5.7.8 {user} may not log in")

    def _address(self, name: str, argument: str) -> str:
        found = _PATH.match(argument)
        if not self._known:
            return "530 5.7.0 log in first"
        if found is None or (name == "RCPT" and self._sender is None):
            return _ORDER
        if name == "MAIL":
            self._sender, self._recipients = found[1], ()
            size = re.search(r"SIZE=(\d+)", argument)
            if size and int(size[1]) > self._simulator.size:
                return "552 5.3.4 too large"
        else:
            self._recipients += (found[1],)
        return "250 2.1.0 ok"

    def _data(self) -> None:
        if self._sender is None or not self._recipients:
            self._say(_ORDER)
            return
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self._lines.readline()) != b".\r\n":
            if not line:
                raise _Over
            lines.append(line[1:] if line.startswith(b".") else line)
        self._simulator.came()
        data = b"".join(lines)
        if not self._fails("CONTENT", data.decode("utf-8", "replace"), data):
            self._say(f"250 2.0.0 queued as {self._simulator.add(self._sender, self._recipients, data)}")
        self._sender, self._recipients = None, ()

    def _fails(self, at: str, text: str, data: bytes = b"") -> bool:
        """Do what a fault says. Return whether there is one."""
        fault = self._simulator.fault(at, text)
        if fault is None:
            return False
        if fault.then.startswith("accept"):
            self._simulator.add(self._sender or "", self._recipients, data)
        if fault.then == "accept_then_hang":
            self._simulator.over.wait()
            raise _Over
        if fault.then == "refuse":
            self._say(fault.reply)
            if fault.reply.startswith("421"):
                raise _Over
            return True
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        raise _Over

    def _encrypt(self) -> None:
        assert self._simulator.tls is not None  # noqa: S101  narrows the type
        self._socket = self._simulator.tls.wrap_socket(self._socket, server_side=True)
        self._lines = self._socket.makefile("rb")
        self._encrypted = True

    def _say(self, line: str) -> None:
        self._socket.sendall(f"{line}\r\n".encode())
