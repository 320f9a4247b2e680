"""Runs the migrations: by `notifier migrate`, or by `alembic` with NOTIFIER_DATABASE_URL set."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from alembic import context
from notifier.database.schema import migrating_engine
from notifier.outbox.tables import metadata
from notifier.settings import load_settings

_ADVISORY_LOCK = 0x6E6F7469666965  # "notifie": one migration at a time in a database
_PARTITION = re.compile(r"_\d{8}$")


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Daily partitions are made by the bridge, not by migrations."""
    return not (kind == "table" and name and _PARTITION.search(name))


_WAIT = text("""
SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('lock_timeout', '0', true)
""")


def run(connection: Connection) -> None:
    connection.commit()  # it must not idle in a transaction while we wait
    with one_at_a_time(connection.engine):
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_name=ours,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
        finally:
            connection.rollback()


@contextmanager
def one_at_a_time(engine: Engine) -> Iterator[None]:
    """Wait for any other migration to end. The lock belongs to a transaction that stays open beside the migrations':
    a lock of the session would be lost, or stay in a session of another process, where PgBouncer shares sessions.
    """
    with engine.begin() as guard:
        guard.execute(_WAIT)
        guard.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = migrating_engine(load_settings().database_url.get_secret_value(), application="alembic")
    with engine.connect() as own:
        run(own)
