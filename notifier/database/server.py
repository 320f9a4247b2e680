"""Which server of Postgres answers, and whether it takes writes.

Behind a pooler a connection may outlive the server that it led to: after a failover the same connection reaches
another one.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

_ASK = text("SELECT pg_postmaster_start_time(), current_setting('transaction_read_only') = 'off'")


@dataclass(frozen=True, slots=True)
class Server:
    """`started_at`, which Postgres tells to the microsecond, differs between two servers and after a restart."""

    started_at: datetime
    takes_writes: bool


def server_of(engine: Engine) -> Server:
    """The server that the next statement would reach. One round trip. Raises DatabaseError where none answers."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return Server(*connection.execute(_ASK).one())
