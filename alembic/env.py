"""Runs the migrations: by `notifier migrate`, or by `alembic` with NOTIFIER_DATABASE_URL set."""

import re

from sqlalchemy import Connection, text

from alembic import context
from notifier.database import connect
from notifier.settings import load_settings
from notifier.tables import metadata

_ADVISORY_LOCK = 0x6E6F7469666965  # "notifie": one migration at a time, whoever starts it
_PARTITION = re.compile(r"_\d{8}$")


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Daily partitions are made by the bridge, not by migrations."""
    return not (kind == "table" and name and _PARTITION.search(name))


def run(connection: Connection) -> None:
    connection.execute(text("SET statement_timeout = '10min'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text("SET lock_timeout = '3s'"))  # never queue all traffic behind a waiting ALTER
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_name=ours,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
        connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = connect(load_settings().database_url.get_secret_value(), application="alembic")
    with engine.connect() as own:
        run(own)
