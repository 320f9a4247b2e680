"""Runs the application with uvicorn."""

import structlog

from notifier.database.engine import Engine, connect
from notifier.database.schema import check_schema
from notifier.settings import ConsoleSettings, read_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from web.console.app import POOL, application
from web.serving.server import serve_until_stopped

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 10
"""Seconds that a statement of a page may take."""
_LONG_PATIENCE_SECONDS = 300
"""Seconds that a statement may take which reads all rows of some days."""
SLOW = 2
"""Connections for such statements: one for the audit, and one for a person who acknowledges failures."""


def serve() -> None:
    """Serve until SIGTERM or SIGINT. Raise NotifierError if it cannot start."""
    settings = read_settings(ConsoleSettings).checked()
    configure_logging(settings, process="console")
    warn_of_unknown_variables()
    if not settings.has_access:
        log.info(
            "no access is configured: every visitor on this machine's loopback is an admin", see="docs/console.md"
        )
    engine = console_engine(settings)
    check_schema(engine)
    slow = console_engine(settings, pool_size=SLOW, patience=_LONG_PATIENCE_SECONDS)
    serve_until_stopped(
        application(settings, engine, slow),
        name="console",
        address=settings.console_address,
        port=settings.console_port,
        url=settings.console_url,
    )


def console_engine(settings: ConsoleSettings, pool_size: int = POOL + 1, patience: int = _PATIENCE_SECONDS) -> Engine:
    """Return an engine of the console: a connection for each page at once, and one for `Watch`."""
    url = settings.database_url.get_secret_value()
    return connect(url, application="notifier console", pool_size=pool_size, patience=patience, newest_first=True)
