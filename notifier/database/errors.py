"""Errors of Postgres: whether a retry may help, and the text for a message."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
    TimeoutError,  # noqa: A004  of the pool
)

from notifier.database.url import shown
from notifier.errors import SettingsError, Unreachable

DatabaseError = SQLAlchemyError
"""Base of all errors of Postgres, of the connection and of the pool."""

READ_ONLY = "25006"
"""SQLSTATE: the server takes no writes; a primary became a standby."""
_FORBIDDEN = "42501"
_NO_SCHEMA = "3F000"


def sqlstate(error: DatabaseError) -> str | None:
    """Return the SQLSTATE of an error, None if it does not come from the server."""
    code: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return code


def is_away(error: DatabaseError) -> bool:
    """Return whether a retry may help: the server is down, the connection broke, a deadlock was resolved."""
    if isinstance(error, DBAPIError) and (error.connection_invalidated or sqlstate(error) == READ_ONLY):
        return True
    return isinstance(error, OperationalError | InterfaceError | TimeoutError)


def is_refused(error: DatabaseError) -> bool:
    """Return whether the server refused the values: a retry with the same ones fails again."""
    return isinstance(error, DataError | IntegrityError)


def is_answer(error: DatabaseError) -> bool:
    """Return whether the server refused or ended a statement, and takes others: it took too long, waited too long for
    a lock, or has values that a table does not take.
    """
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    return not broken and sqlstate(error) not in {None, READ_ONLY}


def cause(error: DatabaseError) -> str:
    """Return one line about the error without values of rows, which the server's own text may quote."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    code = sqlstate(error)
    if code is None and isinstance(error, OperationalError):
        return " ".join(str(error.orig).split())
    return f"{type(error.orig).__name__} {code or ''}".strip()


@contextmanager
def migratable(engine: Engine) -> Iterator[None]:
    """Raise SettingsError with the remedy if the login may not create the tables that the block creates."""
    try:
        yield
    except ProgrammingError as error:
        if sqlstate(error) not in {_FORBIDDEN, _NO_SCHEMA}:
            raise
        login, said = engine.url.username or "of NOTIFIER_DATABASE_URL", " ".join(str(error.orig).split("\n")[:1])
        raise SettingsError(
            f"the login {login} may not create the tables ({said}): connect as their owner, or let a superuser run "
            f"GRANT USAGE, CREATE ON SCHEMA public TO {login}; from Postgres 15 on only its owner has that right. "
            f"In a schema of its own: CREATE SCHEMA notifier AUTHORIZATION {login}, and "
            "?options=-csearch_path=notifier behind NOTIFIER_DATABASE_URL of every process"
        ) from None


_OWN_LOGIN = "each process has its own login, and `notifier migrate --roles` gives it its rights"


@contextmanager
def permitted(engine: Engine, remedy: str = _OWN_LOGIN) -> Iterator[None]:
    """Raise SettingsError with the remedy if the login lacks a right that the block needs."""
    try:
        yield
    except ProgrammingError as error:
        if sqlstate(error) != _FORBIDDEN:
            raise
        said = " ".join(str(error.orig).split())
        raise SettingsError(
            f"the login {engine.url.username} in NOTIFIER_DATABASE_URL may not do this ({said}): {remedy}"
        ) from None


def unreachable(engine: Engine, error: OperationalError) -> Unreachable:
    """Return the error for a database that does not answer. Its text names the server and contains no password."""
    cause = " ".join(str(error.orig).split())
    where = shown(engine.url)
    return Unreachable(f"no database at {where}: {cause}. Is NOTIFIER_DATABASE_URL right and the server up?")
