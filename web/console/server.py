"""Runs the application with uvicorn."""

import signal
import socket

import structlog
import uvicorn
from starlette.applications import Starlette

from notifier.database.engine import Engine, connect
from notifier.database.schema import check_schema
from notifier.errors import SettingsError
from notifier.settings import ConsoleSettings, read_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from web.console.app import POOL, application

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 10
"""Seconds that a statement of a page may take."""
_PATIENCE_OF_PROOF_SECONDS = 300
"""Seconds that a statement of the audit may take, which counts all rows of some days."""


def serve() -> None:
    """Serve until SIGTERM or SIGINT. Raise NotifierError if it cannot start."""
    settings = read_settings(ConsoleSettings).checked()
    configure_logging(settings, process="console")
    warn_of_unknown_variables()
    if not settings.has_access:
        log.info(
            "no access is configured: whoever reaches this machine's loopback is an admin", see="docs/console.md"
        )
    engine = console_engine(settings)
    check_schema(engine)
    slow = console_engine(settings, pool_size=1, patience=_PATIENCE_OF_PROOF_SECONDS)
    server = uvicorn.Server(configuration(application(settings, engine, slow)))
    with _listening(settings) as listening:
        for each in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has ended
            signal.signal(each, lambda *_: setattr(server, "should_exit", True))
        port = listening.getsockname()[1]
        log.info("the console listens", url=settings.console_url or f"http://{settings.console_address}:{port}")
        server.run(sockets=[listening])


def _listening(settings: ConsoleSettings) -> socket.socket:
    """Return a socket that listens. Raise SettingsError if the address or the port cannot be used."""
    address, port = settings.console_address, settings.console_port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"the console cannot listen on {address}, port {port} ({error.strerror}): change "
            "NOTIFIER_CONSOLE_ADDRESS or NOTIFIER_CONSOLE_PORT"
        ) from None


def console_engine(settings: ConsoleSettings, pool_size: int = POOL + 1, patience: int = _PATIENCE_SECONDS) -> Engine:
    """Return an engine of the console: a connection for each page at once, and one for `Watch`."""
    url = settings.database_url.get_secret_value()
    return connect(url, application="notifier console", pool_size=pool_size, patience=patience)


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
