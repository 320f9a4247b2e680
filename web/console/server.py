"""Runs the application with uvicorn."""

import structlog
import uvicorn

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
    log.info(
        "the console listens",
        url=settings.console_url or f"http://{settings.console_address}:{settings.console_port}",
    )
    slow = console_engine(settings, pool_size=1, patience=_PATIENCE_OF_PROOF_SECONDS)
    server = uvicorn.Server(configuration(application(settings, engine, slow), settings))
    server.run()
    if not server.started:
        raise SettingsError(
            f"the console cannot listen on {settings.console_address}, port {settings.console_port}: "
            "set NOTIFIER_CONSOLE_ADDRESS and NOTIFIER_CONSOLE_PORT to ones that are free"
        )


def console_engine(settings: ConsoleSettings, pool_size: int = POOL, patience: int = _PATIENCE_SECONDS) -> Engine:
    """Return an engine of the console: few connections, and little patience with each statement."""
    url = settings.database_url.get_secret_value()
    return connect(url, application="notifier console", pool_size=pool_size, patience=patience)


def configuration(app: object, settings: ConsoleSettings) -> uvicorn.Config:
    """Return uvicorn's settings. Headers of a proxy do not change whom a request comes from."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=settings.console_address,
        port=settings.console_port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=200,
        timeout_graceful_shutdown=5,
    )
