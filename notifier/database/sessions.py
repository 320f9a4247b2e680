"""What holds in every session with Postgres, also where a pooler lends its sessions out for one transaction each.

`synchronous_commit` is on in each, whatever the server, the database or the login says: a commit that was confirmed
and then forgotten sends a second mail. `remote_apply`, which is stronger, is left alone.

PgBouncer in transaction mode gives each transaction any of its sessions. What is set for a session there is lost at
the end of the transaction, or left to the next client. So the settings are made anew in each transaction, which costs
one to three round trips more. A pooler is recognised by the process id: it tells the client one of its own.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

_DURABLE = "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Seconds: `patience` that a statement may take, `lock_patience` that it may wait for a lock (None: as the server
    says), `idle` that a transaction may wait for its client. `binary`: see BinaryCursor. `given`: others by name, as
    search_path; those above win over them.
    """

    patience: int = 30
    lock_patience: int | None = None
    idle: int = 30
    binary: bool = False
    given: Mapping[str, str] = field(default_factory=dict)

    def apply(self, connection: psycopg.Connection[Any]) -> bool:
        """Settle a new connection. Answers whether a pooler lends out its sessions.

        One round trip. Where there is a pooler the settings end with their transaction, and reach no other client.
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
        return pooled

    def _cursor_factory(self, *, pooled: bool) -> Any:
        if pooled:
            return partial(LentCursor, settings=self._statement("true"), binary=self.binary)
        return BinaryCursor if self.binary else psycopg.Cursor

    def _statement(self, local: str) -> bytes:
        """Makes all settings: until the end of the transaction where the SQL expression `local` is true."""
        values = ", ".join(f"set_config('{name}', {value}, {local})" for name, value in self._values().items())
        return f"SELECT pg_backend_pid(), {values}".encode()

    def _values(self) -> Mapping[str, str]:
        values = {
            **{name: _literal(value) for name, value in self.given.items()},
            "synchronous_commit": _DURABLE,
            "statement_timeout": f"'{self.patience}s'",
            "idle_in_transaction_session_timeout": f"'{self.idle}s'",
            "TimeZone": "'UTC'",
        }
        return values if self.lock_patience is None else {**values, "lock_timeout": f"'{self.lock_patience}s'"}


class BinaryCursor(psycopg.Cursor[Any]):
    """Takes results in Postgres's binary form: a third of the client's time for a page of records."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = psycopg.pq.Format.BINARY


class LentCursor(psycopg.Cursor[Any]):
    """A cursor behind a pooler: makes the settings before the first statement of each transaction.

    A statement in autocommit becomes a transaction of its own, since a setting needs one to hold in. One that says
    CONCURRENTLY, which Postgres refuses in a transaction, runs with the server's settings: it writes no row of ours.
    """

    def __init__(self, *arguments: Any, settings: bytes, binary: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._settings = settings
        if binary:
            self.format = psycopg.pq.Format.BINARY

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        if isinstance(query, str) and "CONCURRENTLY" in query:
            return super().execute(query, *arguments, **options)
        with self._settled():
            return super().execute(query, *arguments, **options)

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        with self._settled():
            super().executemany(query, *arguments, **options)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        connection: psycopg.Connection[Any] = self.connection
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            yield
        elif connection.autocommit:
            with connection.transaction():
                psycopg.Cursor(connection).execute(self._settings)
                yield
        else:
            psycopg.Cursor(connection).execute(self._settings)  # begins the transaction
            yield


def is_lent(connection: Any) -> bool:
    """Whether the sessions of this connection, which `SessionSettings.apply` has settled, are those of a pooler."""
    factory = connection.cursor_factory
    return isinstance(factory, partial) and factory.func is LentCursor


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _keeps_prepared_statements(connection: psycopg.Connection[Any]) -> bool:
    """Whether the pooler gives prepared statements names of its own, as PgBouncer 1.21 and later do if told to.

    Where the server sees our name, another client may prepare a different statement under the same one.
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
