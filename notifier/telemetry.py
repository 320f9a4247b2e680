"""Logs. Ids and reasons only: no recipient and no content ever goes into one."""

import io
import logging
import sys
import traceback
from typing import TextIO

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.tracebacks import ExceptionDictTransformer

from notifier.settings import Settings, unknown_variables
from notifier.text import printable

# A line for every task or migration.
_TALKATIVE = ("celery.app.trace", "celery.worker.strategy", "alembic")
# Addresses, headers and whole bodies of requests and answers.
_INDISCREET = ("botocore", "boto3", "urllib3", "httpcore", "httpx")


def configure_logging(settings: Settings, *, process: str) -> None:
    """Log to standard error, for people or as one JSON object a line."""
    shared: list[structlog.typing.Processor] = [
        lambda _, __, event: {"process": process, **event},
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), JSONRenderer()]
        if settings.log_format == "json"
        else [
            _shown,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in (*_INDISCREET, *(() if settings.log_level == "debug" else _TALKATIVE)):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def warn_of_unknown_variables() -> None:
    """Log a warning for each variable that begins with NOTIFIER_ and is no setting."""
    for line in unknown_variables().values():
        structlog.get_logger(__name__).warning(line)


def _shown(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A reason may be a provider's: what a terminal would obey in it is escaped. JSON does so by itself."""
    return {name: printable(each, lines=True) if isinstance(each, str) else each for name, each in event.items()}


def _traceback(into: TextIO, error: structlog.typing.ExcInfo) -> None:
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, error)
    into.write(printable(plain.getvalue(), lines=True))


def trace(error: BaseException) -> str:
    """Where an error comes from, without what it says: that may be a recipient or content."""
    return "".join(traceback.format_tb(error.__traceback__))
