"""The HTTP server of a process: `/metrics` for Prometheus, `/healthz` and `/readyz` for orchestrators."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import orjson
import structlog
from prometheus_client import REGISTRY, disable_created_metrics, make_wsgi_app
from prometheus_client.registry import Collector

from notifier.health.conditions import HealthResult, ProcessHealth
from notifier.health.metrics import ProcessMetrics

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 10.0
"""How often a port that another process has is tried again."""

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def serving(port: int, address: str, health: ProcessHealth, collectors: Iterable[Collector] = ()) -> Iterator[None]:
    """Serve this process on that port during the block; port 0: do nothing. `collectors` are served beside its own.

    If the port cannot be used, a warning says so, the process goes on without, and the port is tried again: another
    process may still be ending.
    """
    if not port:
        yield
        return
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter: nothing reads it
    registered = [ProcessMetrics(health), *collectors]
    for each in registered:
        REGISTRY.register(each)
    server = _Listening(port, address, _app(health))
    server.start()
    try:
        yield
    finally:
        server.stop()
        for each in registered:
            REGISTRY.unregister(each)


def _app(health: ProcessHealth) -> App:
    metrics = make_wsgi_app(REGISTRY)

    def app(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        match request.get("PATH_INFO", "/"):
            case "/metrics":
                return metrics(request, start)  # type: ignore[no-any-return]
            case "/healthz":
                return _answer(health.process, health.liveness(), start)
            case "/readyz":
                return _answer(health.process, health.readiness(), start)
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/metrics, /healthz, /readyz\n"]

    return app


def _answer(process: str, result: HealthResult, start: Callable[..., Any]) -> Iterable[bytes]:
    body = orjson.dumps({"process": process, "ok": result.good, "checks": result.conditions})
    start(
        "200 OK" if result.good else "503 Service Unavailable",
        [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
    )
    return [body, b"\n"]


class _Listening:
    """The server with its thread. While the port is taken, the thread tries it again."""

    def __init__(self, port: int, address: str, app: App) -> None:
        self._port = port
        self._address = address
        self._app = app
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._server: WSGIServer | None = None
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Listen before it returns, if the port is free."""
        try:
            self._server = self._bound()
        except OSError as error:
            log.warning(
                "NOTIFIER_METRICS_PORT cannot be used: this process serves nothing for now, and tries it "
                "again; each process of a machine needs a port of its own",
                port=self._port,
                address=self._address,
                reason=error.strerror or str(error),
            )
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._ended.set()
            server = self._server
        if server:
            server.shutdown()  # waits for `serve_forever`, which then ends at once, even if it has not begun
        self._thread.join(5)

    def _run(self) -> None:
        while self._server is None:
            if self._ended.wait(AGAIN_SECONDS):
                return
            self._try_again()
        self._server.serve_forever(0.2)
        self._server.server_close()

    def _try_again(self) -> None:
        with suppress(OSError):
            server = self._bound()
            with self._lock:
                if self._ended.is_set():  # `stop` has returned and would not close it
                    server.server_close()
                    return
                self._server = server
            log.warning("NOTIFIER_METRICS_PORT is free now: this process serves its metrics", port=self._port)

    def _bound(self) -> WSGIServer:
        family, *_, where = socket.getaddrinfo(self._address, self._port, type=socket.SOCK_STREAM)[0]
        kind = type("_ServerOfFamily", (_Server,), {"address_family": family})
        server: WSGIServer = kind(where[:2], _Handler)
        server.set_app(self._app)
        return server


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, so that a slow scrape does not hold up the other paths."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Without the base class's look-up of this host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    """Logs no request. A connection without a request for ten seconds is closed."""

    timeout = 10

    def log_message(self, *_: Any) -> None: ...
