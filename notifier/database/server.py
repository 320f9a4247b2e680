"""The Postgres server that answers: which one it is, whether it takes writes, and whether it keeps commits.

Behind a pooler a connection may outlive the server that it led to: after a failover the same connection reaches
another one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from notifier.database.errors import unreachable
from notifier.errors import SettingsError

_ASK = text("SELECT pg_postmaster_start_time(), current_setting('transaction_read_only') = 'off'")
_ASK_DURABLE = "SELECT current_setting('synchronous_commit'), current_setting('fsync')"
_DURABLE_COMMITS = frozenset({"on", "remote_apply"})


@dataclass(frozen=True, slots=True)
class Server:
    """`started_at`, which Postgres gives to the microsecond, differs between two servers and after a restart."""

    started_at: datetime
    takes_writes: bool


def server_of(engine: Engine) -> Server:
    """Return the server that the next statement would reach. One round trip. Raise DatabaseError if none answers."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return Server(*connection.execute(_ASK).one())


def check_durable(engine: Engine, *, allowed: bool = False) -> None:
    """Raise SettingsError if this Postgres may lose commits that it confirmed, unless that is `allowed`.

    An attempt that was begun, sent and then lost in a crash would be begun again: a second mail. Raise Unreachable if
    no server answers.
    """
    try:
        with engine.begin() as connection:
            commits, fsync = connection.exec_driver_sql(_ASK_DURABLE).one()
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
