"""The settings of every session with Postgres, also behind a pooler that assigns a session for each transaction.

`synchronous_commit` is set to on in each session, whatever the server, the database or the login has: a commit that
was confirmed and then lost would send a second mail. `remote_apply`, which is stronger, is kept.

PgBouncer in transaction mode gives each transaction any of its sessions. A setting of a session is then lost at the
end of the transaction, or stays for the next client. So the settings are made again in each transaction, which costs
one to three more round trips. A pooler is recognised by the process id, which is not that of the server's process.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

# The server ends a session whose client cannot be reached after about 10 seconds, by default after two hours: in COPY
# the session keeps its locks, and none of the timeouts below applies while the server waits for rows.
_REACHABLE = {
    "tcp_keepalives_idle": "'5'",
    "tcp_keepalives_interval": "'2'",
    "tcp_keepalives_count": "'3'",
    "tcp_user_timeout": "'10000'",
}
_DURABLE = "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings of a session.

    `patience` are the seconds that a statement may take, `lock_patience` those that it may wait for a lock (None: the
    server's setting), `idle` those that a transaction may wait for its client. `binary` uses BinaryCursor.
    `generic_plans` plans a statement without regard to its values. `given` are further settings by name, such as
    search_path; those above override them, but not those of TCP.
    """

    patience: int = 30
    lock_patience: int | None = None
    idle: int = 30
    binary: bool = False
    generic_plans: bool = False
    given: Mapping[str, str] = field(default_factory=dict)

    def apply(self, connection: psycopg.Connection[Any]) -> bool:
        """Make the settings in a new connection. Return whether a pooler assigns its sessions.

        One round trip. With a pooler the settings end with their transaction, so that no other client gets them.
        """
        before, connection.autocommit = connection.autocommit, True
        own = connection.info.backend_pid
        statement = self._statement(f"pg_backend_pid() <> {own}")
        pid = psycopg.Cursor(connection).execute(statement).fetchone()
        pooled = pid is None or pid[0] != own
        if pooled and not _keeps_prepared_statements(connection):
            connection.prepare_threshold = None
        connection.autocommit = before
        connection.cursor_factory = self._cursor_factory(pooled=pooled)
        if pooled:
            connection.server_cursor_factory = self._server_cursor_factory()
        return pooled

    def _cursor_factory(self, *, pooled: bool) -> Any:
        if pooled:
            return partial(PooledCursor, settings=self._statement("true"), binary=self.binary)
        return BinaryCursor if self.binary else psycopg.Cursor

    def _server_cursor_factory(self) -> Any:
        return partial(PooledServerCursor, settings=self._statement("true"))

    def _statement(self, local: str) -> bytes:
        """Return SQL that makes all settings; only for the transaction if the SQL expression `local` is true."""
        values = ", ".join(f"set_config('{name}', {value}, {local})" for name, value in self._values().items())
        return f"SELECT pg_backend_pid(), {values}".encode()

    def _values(self) -> Mapping[str, str]:
        values: dict[str, str] = {
            **_REACHABLE,
            **{name: _literal(value) for name, value in self.given.items()},
            "synchronous_commit": _DURABLE,
            "statement_timeout": f"'{self.patience}s'",
            "idle_in_transaction_session_timeout": f"'{self.idle}s'",
            "TimeZone": "'UTC'",
        }
        if self.generic_plans:
            values["plan_cache_mode"] = "'force_generic_plan'"
        if self.lock_patience is not None:
            values["lock_timeout"] = f"'{self.lock_patience}s'"
        return values


class BinaryCursor(psycopg.Cursor[Any]):
    """Gets results in Postgres's binary form, which takes the client a third of the time for a page of records."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = psycopg.pq.Format.BINARY


class PooledCursor(psycopg.Cursor[Any]):
    """A cursor behind a pooler: makes the settings before the first statement of each transaction.

    A statement in autocommit gets a transaction of its own, in which the settings hold. A statement with
    CONCURRENTLY, which Postgres refuses in a transaction, runs with the server's settings: it writes no row of the
    outbox.
    """

    def __init__(self, *arguments: Any, settings: bytes, binary: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._settings = settings
        if binary:
            self.format = psycopg.pq.Format.BINARY

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        if isinstance(query, str) and "CONCURRENTLY" in query:
            return super().execute(query, *arguments, **options)
        with _with_settings(self.connection, self._settings):
            return super().execute(query, *arguments, **options)

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        with _with_settings(self.connection, self._settings):
            super().executemany(query, *arguments, **options)


class PooledServerCursor(psycopg.ServerCursor[Any]):
    """As PooledCursor, for rows that are fetched in parts: SQLAlchemy uses such a cursor for `yield_per`."""

    def __init__(self, *arguments: Any, settings: bytes, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._settings = settings

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        with _with_settings(self.connection, self._settings):
            return super().execute(query, *arguments, **options)


@contextmanager
def _with_settings(connection: psycopg.Connection[Any], settings: bytes) -> Iterator[None]:
    """Make the settings before the first statement of a transaction; in autocommit begin and end one around it."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        yield
    elif connection.autocommit:
        with connection.transaction():
            psycopg.Cursor(connection).execute(settings)
            yield
    else:
        psycopg.Cursor(connection).execute(settings)  # begins the transaction
        yield


def is_pooled(connection: Any) -> bool:
    """Return whether a pooler assigns the sessions of a connection that `SessionSettings.apply` has set up."""
    factory = connection.cursor_factory
    return isinstance(factory, partial) and factory.func is PooledCursor


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _keeps_prepared_statements(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the pooler renames prepared statements, as PgBouncer can from 1.21 on.

    If it does not, another client may prepare a different statement under the same name.
    """
    if not psycopg.capabilities.has_send_close_prepared():
        return False
    name = f"notifier_{secrets.token_hex(8)}"
    with connection.transaction():
        if connection.pgconn.prepare(name.encode(), b"SELECT 1").status != ExecStatus.COMMAND_OK:
            return False
        same = psycopg.Cursor(connection).execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE name = %s", (name,), prepare=False
        )
        renamed = same.fetchone() == (0,)
        connection.pgconn.close_prepared(name.encode())
    return renamed
