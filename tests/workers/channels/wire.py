"""An HTTP server that keeps each request, and answers or fails as the test sets it."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mail:
    """One mail of a request by SendEmail or SendBulkEmail."""

    to: str
    subject: str
    text: str
    html: str | None
    tags: dict[str, str]
    headers: dict[str, str]

    @property
    def nid(self) -> str:
        return self.tags["nid"]


@dataclass(frozen=True)
class Request:
    target: str
    head: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.raw)
        return body

    @property
    def mails(self) -> list[Mail]:
        entries = self.body.get("BulkEmailEntries")
        return [_simple(self.body)] if entries is None else [_entry(self.body, entry) for entry in entries]


def _simple(body: dict[str, Any]) -> Mail:
    simple = body["Content"]["Simple"]
    parts = {name: part["Data"] for name, part in simple["Body"].items()}
    (to,) = body["Destination"]["ToAddresses"]
    tags, headers = _pairs(body["EmailTags"]), _pairs(simple["Headers"])
    return Mail(to, simple["Subject"]["Data"], parts["Text"], parts.get("Html"), tags, headers)


def _entry(body: dict[str, Any], entry: dict[str, Any]) -> Mail:
    template = body["DefaultContent"]["Template"]["TemplateContent"]
    data = json.loads(entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"])
    parts = {name: data[part.strip("{}")] for name, part in template.items()}
    (to,) = entry["Destination"]["ToAddresses"]
    tags, headers = _pairs(entry["ReplacementTags"]), _pairs(entry["ReplacementHeaders"])
    return Mail(to, parts["Subject"], parts["Text"], parts.get("Html"), tags, headers)


def _pairs(given: list[dict[str, str]]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in given}


class Wire:
    """The server's state. `behave` is called for each request after it has been read to its end."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.account: dict[str, Any] = {}
        self.tunnels: list[Mapping[str, str]] = []
        self.connections = 0
        self.behave: Behaviour = accept
        self.over = threading.Event()
        self.url = ""


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wire: Wire

    def setup(self) -> None:
        self.wire.connections += 1
        super().setup()

    def do_POST(self) -> None:
        self.request_read = Request(self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
        self.wire.requests.append(self.request_read)
        self.wire.behave(self)

    def do_GET(self) -> None:
        self.answer(200, json.dumps(self.wire.account).encode())

    def do_CONNECT(self) -> None:
        """Open a tunnel as a proxy does: copy bytes in both directions until one side closes."""
        self.wire.tunnels.append(self.headers)
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=carry, args=(far, self.connection))
            back.start()
            carry(self.connection, far)
            back.join()
        self.close_connection = True

    def answer(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Behaviour = Callable[[Exchange], None]


def accept(exchange: Exchange) -> None:
    ids = [f"ses-{mail.nid}" for mail in exchange.request_read.mails]
    results = [{"Status": "SUCCESS", "MessageId": id_} for id_ in ids]
    bulk = exchange.path.endswith("outbound-bulk-emails")
    exchange.answer(200, json.dumps({"BulkEmailEntryResults": results} if bulk else {"MessageId": ids[0]}).encode())


def refuse(status: int, code: str, message: str = "") -> Behaviour:
    body = json.dumps({"message": message}).encode()
    return lambda exchange: exchange.answer(status, body, x_amzn_errortype=code)


def plain(status: int, body: bytes, length: int | None = None, **headers: str) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.answer(status, body, length, **headers)
        exchange.close_connection = True

    return behave


def cut(exchange: Exchange) -> None:
    exchange.close_connection = True


def reset(exchange: Exchange) -> None:
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.rfile.close()
    exchange.wfile.close()
    exchange.connection.close()
    exchange.close_connection = True


def hang(exchange: Exchange) -> None:
    exchange.wire.over.wait()
    exchange.close_connection = True


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def serve(host: str = "127.0.0.1", certificate: Path | None = None) -> Iterator[Wire]:
    """Run a server. `certificate` is a file with a key and its certificate: then it uses TLS."""
    wire = Wire()
    kind = ServerOfIPv6 if ":" in host else Server
    server = kind((host, 0), type("Handler", (Exchange,), {"wire": wire}))
    scheme, name = "https" if certificate else "http", f"[{host}]" if ":" in host else host
    wire.url = f"{scheme}://{name}:{server.server_address[1]}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield wire
    finally:
        wire.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        pass


class ServerOfIPv6(Server):
    address_family = socket.AF_INET6
