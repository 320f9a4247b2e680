"""The other end of a wire: an HTTP server that remembers each request, and answers or fails as it is told."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    path: str
    body: dict[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Name"]: tag["Value"] for tag in self.body["EmailTags"]}

    @property
    def headers(self) -> dict[str, str]:
        return {each["Name"]: each["Value"] for each in self.body["Content"]["Simple"]["Headers"]}


class Wire:
    """`behave` is called for each request once it has been read to its end."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
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
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.request_read = Request(self.path, body)
        self.wire.requests.append(self.request_read)
        self.wire.behave(self)

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
    nid = exchange.request_read.tags["nid"]
    exchange.answer(200, json.dumps({"MessageId": f"ses-{nid}"}).encode())


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


@contextmanager
def serve() -> Iterator[Wire]:
    wire = Wire()
    server = Server(("127.0.0.1", 0), type("Handler", (Exchange,), {"wire": wire}))
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
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
