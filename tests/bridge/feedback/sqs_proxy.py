"""A proxy before SQS that can hold deletes back: a process that is killed then has settled and not deleted."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

DELETE = "AmazonSQS.DeleteMessageBatch"


class SqsProxy(ThreadingHTTPServer):
    """While `holding`, deletes wait and never reach the queue; `held` counts them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.target = urlsplit(target).netloc
        self.holding = threading.Event()
        self.released = threading.Event()
        self.held = 0

    def handle_error(self, *_: object) -> None:
        """Ignore errors: tests kill processes, and their connections end."""


class Handler(BaseHTTPRequestHandler):
    server: SqsProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # killed while it asked
            self.close_connection = True
            return
        if self.headers["X-Amz-Target"] == DELETE and self.server.holding.is_set():
            self.server.held += 1
            self.server.released.wait(60)
            self.close_connection = True
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        with closing(HTTPConnection(self.server.target, timeout=30)) as connection:
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sqs_proxy(target: str) -> Iterator[SqsProxy]:
    with SqsProxy(target) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
