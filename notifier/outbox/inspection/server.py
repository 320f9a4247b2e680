"""The Postgres server as its login sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from notifier.database.sessions import is_pooled
from notifier.outbox.statements import statement

_READ = statement(__package__, "read_server.sql")
_OPTIONS = statement(__package__, "read_options.sql")
_TRIES = 3
NAMES = (
    "data_directory",
    "fsync",
    "full_page_writes",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "max_connections",
    "reserved_connections",
    "statement_timeout",
    "superuser_reserved_connections",
    "synchronous_commit",
    "synchronous_standby_names",
    "transaction_timeout",
)
"""The options that are read. A server has those of its version, and a login sees those that it may."""


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """What can be seen of the server.

    `options` are those of this session; times in milliseconds.
    `connections` are those of the server, of this database and of this login; `ours` those of Notifier among them.
    `pooled`: a pooler is between. `shares_sessions`: it gives a transaction another session than the one before, as
    PgBouncer in transaction mode does; False also if that was not seen.
    """

    now: datetime
    version: str
    number: int
    standby: bool
    read_only: bool
    login: str
    bytes: int
    connections: int
    database_connections: int
    login_connections: int
    ours: int
    database_ours: int
    login_ours: int
    standbys: int
    role_limit: int
    database_limit: int
    options: Mapping[str, str]
    pooled: bool
    shares_sessions: bool
    keeps_prepared: bool


def read_server(engine: Engine) -> DatabaseServer:
    """Return what can be seen of the server. Raise DatabaseError."""
    with engine.connect() as connection:
        row = connection.execute(_READ).mappings().one()
        options = connection.execute(_OPTIONS, {"names": list(NAMES)}).all()
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  it is connected
        pooled, prepares = is_pooled(driver), driver.prepare_threshold is not None
        connection.commit()
        return DatabaseServer(
            **row,
            options={each.name: each.setting for each in options},
            pooled=pooled,
            shares_sessions=pooled and _shares_sessions(engine, connection),
            keeps_prepared=prepares,
        )


def read_clock(engine: Engine) -> datetime:
    """Return the time of the database. One round trip, if the engine is connected."""
    with engine.connect() as connection:
        now: datetime = connection.execute(_READ).one().now
    return now


def _shares_sessions(engine: Engine, connection: Connection) -> bool:
    """Return whether a session serves two connections in turn."""
    for _ in range(_TRIES):
        mine = _process(connection)
        connection.commit()
        with engine.connect() as other:
            theirs, again = _process(other), _process(connection)
            connection.commit()
        if theirs == mine or again != mine:
            return True
    return False


def _process(connection: Connection) -> int:
    found: int = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    return found
