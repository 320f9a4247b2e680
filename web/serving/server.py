"""Serves an application with uvicorn until SIGTERM or SIGINT."""

import signal
import socket

import structlog
import uvicorn
from starlette.applications import Starlette

from notifier.errors import SettingsError

log = structlog.get_logger(__name__)


def serve_until_stopped(app: Starlette, *, name: str, address: str, port: int, url: str = "") -> None:
    """Serve until SIGTERM or SIGINT. `name` is the prefix of its settings, `url` what people open, for the log.

    Raise SettingsError if the address or the port cannot be used.
    """
    server = uvicorn.Server(configuration(app))
    with listening(name, address, port) as listener:
        for each in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has ended
            signal.signal(each, lambda *_: setattr(server, "should_exit", True))
        log.info("the web server listens", name=name, url=url or f"http://{address}:{listener.getsockname()[1]}")
        server.run(sockets=[listener])


def listening(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that listens, whose connections send at once what they have.

    Raise SettingsError as `serve_until_stopped` does.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"the {name} cannot listen on {address}, port {port} ({error.strerror}): change "
            f"NOTIFIER_{name.upper()}_ADDRESS or NOTIFIER_{name.upper()}_PORT"
        ) from None
    # Accepted sockets inherit it. asyncio sets it only on sockets that were made for TCP by number, which this one is
    # not; without it the body of an answer waits 40 ms for the browser to acknowledge the headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def configuration(app: Starlette) -> uvicorn.Config:
    """Return uvicorn's settings. Headers of a proxy do not change whom a request comes from."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=200,
        timeout_graceful_shutdown=5,
    )
