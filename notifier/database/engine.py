"""The connection to Postgres."""

from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from notifier.database import arrays  # noqa: F401  before the first engine: it copies what psycopg can send
from notifier.database.errors import READ_ONLY
from notifier.database.sessions import SessionSettings
from notifier.database.url import DatabaseUrl
from notifier.errors import SettingsError

__all__ = ["Engine", "connect", "on_connect", "storable"]

_SERVER_LEAVES = frozenset({READ_ONLY, "57P01", "57P02", "57P03"})
"""SQLSTATE: the server became a standby, shuts down, crashed, or does not accept connections yet."""
_CONNECTION_LOST = "08"
"""The first two characters of the SQLSTATE of a broken connection."""
_NOT_SETTABLE = frozenset({"22023", "42501", "42602", "42704", "55P02"})
"""SQLSTATE of a setting that is unknown, has a wrong value, needs a right, or can be set only at the session's start.
"""

# Keepalives and timeouts end a connection to a dead server after about 10 seconds, before the shortest lease ends.
_CONNECT = {
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def connect(
    url: str,
    *,
    pool_size: int = 5,
    application: str = "notifier",
    binary: bool = False,
    generic_plans: bool = False,
    patience: int = 30,
    lock_patience: int | None = None,
    newest_first: bool = False,
) -> Engine:
    """Return an engine for that URL; it connects when it is first used. Raise SettingsError for a malformed URL.

    If the URL has several hosts, connections lead to the one that takes writes.

    Args:
        url: As NOTIFIER_DATABASE_URL has it.
        pool_size: Connections at most; 0: as many as there are threads that use the engine.
        application: The name in pg_stat_activity.
        binary: Take results in Postgres's binary form. Only for statements that return plain types: no enum, and
            nothing of the catalog.
        generic_plans: Plan each prepared statement once, not again for the values of its first uses. Only for
            statements whose best plan does not depend on their values.
        patience: Seconds that a statement may take.
        lock_patience: Seconds that a statement may wait for a lock; None: the server's own setting.
        newest_first: Use the connection that was used last again, not each in turn. A session keeps what it knows of
            the tables, and its plans: with 90 days the first search of a new one takes many times as long as others.
    """
    address = DatabaseUrl.of(url)
    settings = SessionSettings(
        patience=patience,
        lock_patience=lock_patience,
        binary=binary,
        generic_plans=generic_plans,
        given=address.settings,
    )
    engine = create_engine(
        address.url,
        connect_args={**_CONNECT, **address.options, "application_name": application},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_recycle=1800,
        pool_use_lifo=newest_first,
        hide_parameters=True,  # recipients and items must not get into a log
    )
    event.listen(engine, "connect", _apply(settings), insert=True)  # before SQLAlchemy's own first statements
    event.listen(engine, "handle_error", _discard_sessions)
    event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
    return engine


def on_connect(engine: Engine, call: Callable[[], None]) -> None:
    """Call this for each new connection of the engine: it may lead to another server than those before it."""
    event.listen(engine, "connect", lambda *_: call())


def storable(text: str) -> str:
    """Return the text with the characters replaced that Postgres refuses: NUL, and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")


def _apply(settings: SessionSettings) -> Callable[[psycopg.Connection[Any], object], None]:
    def apply(connection: psycopg.Connection[Any], _: object) -> None:
        try:
            settings.apply(connection)
        except BaseException as error:
            connection.close()  # never used without its settings
            if settings.given and getattr(error, "sqlstate", None) in _NOT_SETTABLE:
                said = " ".join(str(error).split())
                raise SettingsError(f"the options in NOTIFIER_DATABASE_URL cannot be set: {said}") from None
            raise

    return apply


def _discard_sessions(context: ExceptionContext) -> None:
    """Close this session, and all others of the pool before their next use, if the server takes no more writes.

    After a failover the old primary may go on as a standby: its sessions stay open and refuse each write.
    """
    code = getattr(context.original_exception, "sqlstate", None) or ""
    if code in _SERVER_LEAVES or code.startswith(_CONNECTION_LOST):
        context.is_disconnect = True


def _make_storable(_: object, __: object, statement: str, values: Any, ___: object, ____: bool) -> tuple[str, Any]:
    """Make all parameters storable: a text of a route, a provider or an operator must not make a write fail."""
    return statement, _storable(values)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value
