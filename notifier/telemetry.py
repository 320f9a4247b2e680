"""The log. It contains ids and reasons, never a recipient or the content of a message."""

import io
import logging
import sys
import traceback
from typing import TextIO

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.tracebacks import ExceptionDictTransformer

from notifier.settings import LogSettings, unknown_variables
from notifier.text import printable
from notifier.tracing.origins import ORIGINS

# They log a line for every task or migration.
_VERBOSE = ("celery.app.trace", "celery.worker.strategy", "alembic")
# They log addresses, headers and bodies of requests and answers.
_REVEALING = ("botocore", "boto3", "urllib3", "httpcore", "httpx")


def configure_logging(settings: LogSettings, *, process: str) -> None:
    """Log to standard error: lines for people, or with NOTIFIER_LOG_FORMAT=json one JSON object a line.

    `process` is a field of every line.
    """
    shared: list[structlog.typing.Processor] = [
        lambda _, __, event: {"process": process, **event},
        _with_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [ExceptionRenderer(ExceptionDictTransformer(show_locals=False)), JSONRenderer()]
        if settings.log_format == "json"
        else [
            _escaped,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_print_traceback),
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
    for name in (*_REVEALING, *(() if settings.log_level == "debug" else _VERBOSE)):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def warn_of_unknown_variables() -> None:
    """Log a warning for each variable that begins with NOTIFIER_ and is no setting."""
    for line in unknown_variables().values():
        structlog.get_logger(__name__).warning(line)


def _with_trace(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the id of the trace, and the route, to a line about one notification that is traced."""
    if traced := ORIGINS.of_text(event.get("notification")):
        return {**({"route": traced.route} if traced.route else {}), **event, "trace_id": traced.origin.trace}
    return event


def _escaped(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape control characters: a reason may be a provider's text. JSON escapes them anyway."""
    return {name: printable(each, lines=True) if isinstance(each, str) else each for name, each in event.items()}


def _print_traceback(into: TextIO, error: structlog.typing.ExcInfo) -> None:
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, error)
    into.write(printable(plain.getvalue(), lines=True))


def trace(error: BaseException) -> str:
    """Return the traceback of an error without its message, which may contain a recipient or content."""
    return "".join(traceback.format_tb(error.__traceback__))
