"""The connection to Postgres, and whether the schema fits this program."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import alembic.command
import psycopg
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import OperationalError

from notifier.database.errors import (
    READ_ONLY,
    DatabaseError,
    cause,
    is_away,
    is_refused,
    migratable,
    permitted,
    sqlstate,
    unreachable,
)
from notifier.database.sessions import SessionSettings
from notifier.database.url import DatabaseUrl
from notifier.errors import SchemaOutdated, SettingsError, Unreachable

__all__ = [
    "DatabaseError",
    "Engine",
    "alembic_configuration",
    "cause",
    "check_durable",
    "check_schema",
    "connect",
    "is_away",
    "is_refused",
    "migrate",
    "migrating_engine",
    "on_connect",
    "permitted",
    "schema_head",
    "storable",
    "unreachable",
]

_SERVER_LEAVES = frozenset({READ_ONLY, "57P01", "57P02", "57P03"})
_CONNECTION_LOST = "08"
_NOT_SETTABLE = frozenset({"22023", "42501", "42602", "42704", "55P02"})
"""An unknown setting, a wrong value, one that needs a right or the start of a session."""
_DURABLE_COMMITS = frozenset({"on", "remote_apply"})

# A dead peer must be noticed before the shortest lease ends.
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
    patience: int = 30,
    lock_patience: int | None = None,
) -> Engine:
    """An engine for that URL; connects when it is first used. Raises SettingsError for a malformed URL.

    With a `pool_size` of 0 the threads that use it are its only bound. `binary` is for statements that return plain
    types only: no enum, and nothing of the catalog. A statement is given up after `patience` seconds, the wait for a
    lock after `lock_patience`. Of several hosts in the URL the one that takes writes is used.
    """
    address = DatabaseUrl.of(url)
    settings = SessionSettings(patience=patience, lock_patience=lock_patience, binary=binary, given=address.settings)
    engine = create_engine(
        address.url,
        connect_args={**_CONNECT, **address.options, "application_name": application},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_recycle=1800,
        hide_parameters=True,  # recipients and items are nothing for a log
    )
    event.listen(engine, "connect", _settle(settings), insert=True)  # before SQLAlchemy's own first statements
    event.listen(engine, "handle_error", _discard_sessions)
    event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
    return engine


def on_connect(engine: Engine, call: Callable[[], None]) -> None:
    """Call this for each new connection of the engine: it may lead to another server than those before it."""
    event.listen(engine, "connect", lambda *_: call())


def _settle(settings: SessionSettings) -> Callable[[psycopg.Connection[Any], object], None]:
    def settle(connection: psycopg.Connection[Any], _: object) -> None:
        try:
            settings.apply(connection)
        except BaseException as error:
            connection.close()  # never used without its settings
            if settings.given and getattr(error, "sqlstate", None) in _NOT_SETTABLE:
                said = " ".join(str(error).split())
                raise SettingsError(f"the options in NOTIFIER_DATABASE_URL cannot be set: {said}") from None
            raise

    return settle


def _discard_sessions(context: ExceptionContext) -> None:
    """Close this session, and before their next use all others of the pool, where its server writes no more.

    After a failover the old primary may go on as a standby: its sessions live, and refuse each write.
    """
    code = getattr(context.original_exception, "sqlstate", None) or ""
    if code in _SERVER_LEAVES or code.startswith(_CONNECTION_LOST):
        context.is_disconnect = True


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


_WAITED = frozenset(("55P03", "57014", "40P01"))
"""A lock or a statement took too long, or two statements waited for each other."""


def migrating_engine(url: str, *, application: str = "notifier migrate") -> Engine:
    """For migrations: they may take ten minutes, and never queue all traffic behind an ALTER that waits."""
    return connect(url, application=application, patience=600, lock_patience=3)


def migrate(url: str) -> None:
    """Bring the schema to this program's version. Two at once are safe: the second waits for the first.

    Raises Unreachable, SchemaOutdated where the database is newer, and SettingsError where the login may not do it.
    """
    engine = migrating_engine(url)
    try:
        with migratable(engine), engine.connect() as connection:
            _check_encoding(connection)
            _check_schema_name(connection, DatabaseUrl.of(url))
            if _is_newer(found := _version(connection)):
                raise _newer(found)
            configuration = alembic_configuration()
            configuration.attributes["connection"] = connection
            alembic.command.upgrade(configuration, "head")
            connection.commit()
    except OperationalError as error:
        if sqlstate(error) in _WAITED:
            raise Unreachable(
                f"the database is busy ({cause(error)}): a lock that the migration needs was not free in time. "
                "Nothing is half done: run `notifier migrate` again"
            ) from error
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()


def check_schema(engine: Engine) -> None:
    """Raises Unreachable where no Postgres answers, SchemaOutdated where `notifier migrate` has not run or a newer
    program's has, and SettingsError where the login may not look.
    """
    try:
        with permitted(engine), engine.connect() as connection:
            _check_encoding(connection)
            found = _version(connection)
    except OperationalError as error:
        raise unreachable(engine, error) from error
    if _is_newer(found):
        raise _newer(found)
    if found != schema_head():
        raise SchemaOutdated(
            f"the database schema is at {found or 'nothing'}, this program needs {schema_head()}: "
            "run `notifier migrate`"
        )


def _is_newer(found: str | None) -> bool:
    """Whether this program has no migration of that name."""
    return found is not None and found not in _revisions()


@cache
def _revisions() -> frozenset[str]:
    return frozenset(each.revision for each in ScriptDirectory.from_config(alembic_configuration()).walk_revisions())


def _newer(found: str | None) -> SchemaOutdated:
    return SchemaOutdated(
        f"the database schema is at {found}, which this program does not know; it knows {schema_head()} and older: a "
        "newer Notifier has migrated this database. Run that version here too; a schema is never taken back"
    )


def _check_schema_name(connection: Connection, url: DatabaseUrl) -> None:
    """The first schema of the URL's search_path is where the tables are to be: never in another one instead."""
    named = url.settings.get("search_path", "").split(",")[0].strip().strip('"')
    if not named or named == "$user":
        return
    current = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    if current != named:
        raise SettingsError(
            f"the tables would be made in the schema {current or '(none)'}: that which search_path in "
            "NOTIFIER_DATABASE_URL names is not there, or the login may not use it. Let a superuser run "
            "CREATE SCHEMA for it, with AUTHORIZATION for this login"
        )


def check_durable(engine: Engine, *, allowed: bool = False) -> None:
    """Raises SettingsError where this Postgres may forget what it confirmed, unless that is `allowed`.

    An attempt that was begun, sent and forgotten is begun again: a second mail.
    """
    try:
        with engine.begin() as connection:
            statement = "SELECT current_setting('synchronous_commit'), current_setting('fsync')"
            commits, fsync = connection.exec_driver_sql(statement).one()
    except OperationalError as error:
        raise unreachable(engine, error) from error
    if allowed:
        return
    if fsync != "on":
        raise SettingsError(
            "Postgres runs with fsync=off: after a crash it may forget commits, and people are notified twice. Set "
            "fsync=on in its configuration, or NOTIFIER_ALLOW_NONDURABLE_DATABASE=true for a test or where the "
            "storage itself keeps every commit"
        )
    if commits not in _DURABLE_COMMITS:
        raise SettingsError(
            f"synchronous_commit is {commits} in a session that set it to on: a pooler between us and Postgres drops "
            "settings, so that a crash may forget commits and people are notified twice. Connect without it, "
            f"or run ALTER ROLE {engine.url.username} SET synchronous_commit = on and restart the pooler"
        )


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
    packaged = Path(__file__).parent.with_name("migrations")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "alembic"
    configuration = Config()
    configuration.set_main_option("script_location", str(folder))
    return configuration
