"""Checks of Postgres. They read it as the login of NOTIFIER_DATABASE_URL."""

from notifier.database.engine import Engine, connect
from notifier.database.schema import check_schema
from notifier.database.server import check_durable
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.server import DatabaseServer, read_server

PAGE = "docs/postgres.md"
_PATIENCE = 10


def database(setup: Setup) -> Engine:
    """Return an engine that has connected once. Raise SettingsError for a malformed URL, Unreachable."""
    url = setup.settings.database_url.get_secret_value()
    engine = connect(url, application="notifier doctor", pool_size=0, patience=_PATIENCE)
    setup.at_end(engine.dispose)
    check_durable(engine, allowed=True)  # asks once, so that it is known whether one answers
    return engine


def server(setup: Setup) -> DatabaseServer:
    """Return what can be seen of the server. Raise what `database` raises, and DatabaseError."""
    return read_server(setup.get(database))


def migrated(setup: Setup) -> Engine:
    """Return the engine of a database with this program's schema. Raise SchemaOutdated."""
    engine = setup.get(database)
    check_schema(engine)
    return engine


def need_server(setup: Setup) -> DatabaseServer:
    """Return what can be seen of the server. Raise CheckEnded if none answers: the check `postgres` says why."""
    return setup.need(server, "a database that answers")


def need_migrated(setup: Setup) -> Engine:
    """Return the engine. Raise CheckEnded without the schema: the check `schema` says why."""
    need_server(setup)
    return setup.need(migrated, "this program's schema")
