"""The connection to Postgres, and whether the schema fits this program."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import alembic.command
import psycopg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError,  # noqa: A004  of the pool
)

from notifier.errors import SchemaOutdated, SettingsError, Unreachable

__all__ = [
    "DatabaseError",
    "Engine",
    "alembic_configuration",
    "cause",
    "check_schema",
    "connect",
    "is_away",
    "is_refused",
    "migrate",
    "permitted",
    "schema_head",
    "storable",
    "unreachable",
]

DatabaseError = SQLAlchemyError
"""Whatever Postgres, the way to it or the pool raised."""

_READ_ONLY = "25006"  # the primary that we knew is a standby now
_FORBIDDEN = "42501"


class _BinaryCursor(psycopg.Cursor[Any]):
    """Takes results in Postgres's binary form: a third of the client's time for a page of records."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = psycopg.pq.Format.BINARY


# A dead peer must be noticed before the shortest lease ends.
_CONNECT = {
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_OPTIONS = "-c statement_timeout={patience}s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"


def connect(
    url: str, *, pool_size: int = 5, application: str = "notifier", binary: bool = False, patience: int = 30
) -> Engine:
    """An engine for that URL; connects when it is first used. Raises SettingsError for a malformed URL.

    With a `pool_size` of 0 the threads that use it are its only bound. `binary` is for statements that return plain
    types only: no enum, and nothing of the catalog. A statement is given up after `patience` seconds.
    """
    try:
        parsed = make_url(url)
        psycopg.conninfo.make_conninfo(**dict.fromkeys(parsed.query, ""))
    except psycopg.ProgrammingError as error:
        raise SettingsError(f"NOTIFIER_DATABASE_URL has an {str(error).strip()}") from None
    except (ArgumentError, ValueError):
        raise SettingsError(
            "NOTIFIER_DATABASE_URL is not a URL like postgresql://user:password@host:5432/database"
        ) from None
    options = _OPTIONS.format(patience=patience)
    factory = {"cursor_factory": _BinaryCursor} if binary else {}
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        connect_args={**_CONNECT, **factory, "options": options, "application_name": application},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_recycle=1800,
        hide_parameters=True,  # recipients and items are nothing for a log
    )
    event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
    return engine


def _make_storable(_: object, __: object, statement: str, values: Any, ___: object, ____: bool) -> tuple[str, Any]:
    """What a route, a provider or an operator says of a row must not keep it from being written."""
    return statement, _storable(values)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value


def storable(text: str) -> str:
    """Text that Postgres takes: it refuses NUL, and UTF-8 has no lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")


def is_away(error: DatabaseError) -> bool:
    """It may work when it is tried again: the server is down, the connection broke, a deadlock was resolved."""
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _READ_ONLY:
        return True
    return isinstance(error, OperationalError | InterfaceError | TimeoutError)


def is_refused(error: DatabaseError) -> bool:
    """The values are at fault: with the same ones it fails again."""
    return isinstance(error, DataError | IntegrityError)


def cause(error: DatabaseError) -> str:
    """What is wrong, in one line without values of rows: the server's own text may quote them."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is None and isinstance(error, OperationalError):
        return " ".join(str(error.orig).split())
    return f"{type(error.orig).__name__} {sqlstate or ''}".strip()


def migrate(url: str) -> None:
    """Bring the schema to this program's version. Two at once are safe: the second waits for the first."""
    engine = connect(url, application="notifier migrate")
    try:
        with engine.connect() as connection:
            _check_encoding(connection)
            configuration = alembic_configuration()
            configuration.attributes["connection"] = connection
            alembic.command.upgrade(configuration, "head")
            connection.commit()
    except OperationalError as error:
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()


def check_schema(engine: Engine) -> None:
    """Raises Unreachable where no Postgres answers, SchemaOutdated where `notifier migrate` has not run, and
    SettingsError where the login may not look.
    """
    try:
        with permitted(engine), engine.connect() as connection:
            _check_encoding(connection)
            found = _version(connection)
    except OperationalError as error:
        raise unreachable(engine, error) from error
    if found != schema_head():
        raise SchemaOutdated(
            f"the database schema is at {found or 'nothing'}, this program needs {schema_head()}: "
            "run `notifier migrate`"
        )


@contextmanager
def permitted(engine: Engine) -> Iterator[None]:
    """Raises SettingsError where the login of this engine may not do what is tried in the block."""
    try:
        yield
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _FORBIDDEN:
            raise
        said = " ".join(str(error.orig).split())
        raise SettingsError(
            f"the login {engine.url.username} in NOTIFIER_DATABASE_URL may not do this ({said}): each process has "
            "its own, and `notifier migrate --roles` gives it its rights"
        ) from None


def unreachable(engine: Engine, error: OperationalError) -> Unreachable:
    """The one line for a database that does not answer; it names the server and keeps the password out."""
    cause = " ".join(str(error.orig).split())
    where = engine.url.set(query={}).render_as_string(hide_password=True)  # a query may hold a password too
    return Unreachable(f"no database at {where}: {cause}. Is NOTIFIER_DATABASE_URL right and the server up?")


@cache
def schema_head() -> str | None:
    return ScriptDirectory.from_config(alembic_configuration()).get_current_head()


def _check_encoding(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise SettingsError(f"the database has the encoding {encoding}: create it anew with ENCODING 'UTF8'")


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def alembic_configuration() -> Config:
    packaged = Path(__file__).with_name("migrations")
    folder = packaged if packaged.is_dir() else Path(__file__).parent.parent / "alembic"
    configuration = Config()
    configuration.set_main_option("script_location", str(folder))
    return configuration
