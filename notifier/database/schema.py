"""The version of the database schema: whether it is this program's, and migrations to it."""

from functools import cache
from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from notifier.database.engine import connect
from notifier.database.errors import cause, migratable, permitted, sqlstate, unreachable
from notifier.database.url import DatabaseUrl
from notifier.errors import SchemaOutdated, SettingsError, Unreachable

_TIMEOUTS = frozenset(("55P03", "57014", "40P01"))
"""SQLSTATE: a lock or a statement took too long, or two statements waited for each other."""


OLDEST_PROGRAM = "0028"
"""The newest migration of the oldest program that runs on the schema of this one, as tests/upgrade/test_upgrade.py
tries.

Set it to a later migration when one removes or renames what older programs use.
"""

_MARK = "oldest program: "
_SAY_OLDEST = f"COMMENT ON TABLE alembic_version IS '{_MARK}{OLDEST_PROGRAM}'"
_READ_OLDEST = "SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"


def migrating_engine(url: str, *, application: str = "notifier migrate") -> Engine:
    """Return an engine for migrations: a statement may take ten minutes, the wait for a lock three seconds.

    An ALTER that waits for its lock holds up every later statement on the table, so it must not wait long.
    """
    return connect(url, application=application, patience=600, lock_patience=3)


def migrate(url: str) -> None:
    """Bring the schema to this program's version. Two at once are safe: the second waits for the first.

    Raise Unreachable if no server answers or a lock was not free in time, SchemaOutdated if the database is newer
    than this program, and SettingsError if the login may not create the tables.
    """
    engine = migrating_engine(url)
    try:
        with migratable(engine), engine.connect() as connection:
            _check_encoding(connection)
            _check_schema_name(connection, DatabaseUrl.of(url))
            if _is_newer(found := _version(connection)):
                raise _newer(found, _oldest_program(connection))
            configuration = alembic_configuration()
            configuration.attributes["connection"] = connection
            alembic.command.upgrade(configuration, "head")
            if _oldest_program(connection) != OLDEST_PROGRAM:
                connection.exec_driver_sql(_SAY_OLDEST)
            connection.commit()
    except OperationalError as error:
        if sqlstate(error) in _TIMEOUTS:
            raise Unreachable(
                f"the database is busy ({cause(error)}): a lock that the migration needs was not free in time. "
                "Nothing is half done: run `notifier migrate` again"
            ) from error
        raise unreachable(engine, error) from error
    finally:
        engine.dispose()


def check_schema(engine: Engine) -> None:
    """Return if this program runs on the schema: it is at this program's version, or newer and says that this program
    runs on it too. So processes of the version before can start again while it is replaced, and after.

    Raise Unreachable if no Postgres answers, SchemaOutdated if the schema is older (`notifier migrate` has not run)
    or too new, and SettingsError if the login may not read the version.
    """
    try:
        with permitted(engine), engine.connect() as connection:
            _check_encoding(connection)
            found = _version(connection)
            oldest = _oldest_program(connection) if _is_newer(found) else None
    except OperationalError as error:
        raise unreachable(engine, error) from error
    if _is_newer(found):
        if oldest in _revisions():
            return
        raise _newer(found, oldest)
    if found != schema_head():
        raise SchemaOutdated(
            f"the database schema is at {found or 'nothing'}, this program needs {schema_head()}: "
            "run `notifier migrate`"
        )


@cache
def schema_head() -> str | None:
    """Return the newest migration of this program: the version that `migrate` brings the schema to."""
    return _migrations().get_current_head()


def alembic_configuration() -> Config:
    """Return Alembic's configuration with the folder of migrations, in the wheel or in the source tree."""
    packaged = Path(__file__).parent.with_name("migrations")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "alembic"
    configuration = Config()
    configuration.set_main_option("script_location", str(folder))
    return configuration


def _is_newer(found: str | None) -> bool:
    """Return whether this program has no migration of that name."""
    return found is not None and found not in _revisions()


@cache
def _revisions() -> frozenset[str]:
    return frozenset(each.revision for each in _migrations().walk_revisions())


@cache
def _migrations() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_configuration())


def _newer(found: str | None, oldest: str | None) -> SchemaOutdated:
    return SchemaOutdated(
        f"the database schema is at {found}, which this program does not have; it has {schema_head()} and older: a "
        f"newer Notifier has migrated this database. It needs a program that has {oldest or found}: run that version "
        "here too; a schema is never taken back"
    )


def _oldest_program(connection: Connection) -> str | None:
    """Return the migration that a program must have to run on the schema, as the schema itself says; else None."""
    comment: str | None = connection.exec_driver_sql(_READ_OLDEST).scalar_one()
    return comment.removeprefix(_MARK) if comment and comment.startswith(_MARK) else None


def _version(connection: Connection) -> str | None:
    """Return the name of the last migration that ran, None if none did."""
    return MigrationContext.configure(connection).get_current_revision()


def _check_encoding(connection: Connection) -> None:
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise SettingsError(f"the database has the encoding {encoding}: create it anew with ENCODING 'UTF8'")


def _check_schema_name(connection: Connection, url: DatabaseUrl) -> None:
    """Raise SettingsError if the first schema of the URL's search_path does not exist.

    Postgres skips a schema that is missing and would create the tables in the next one of the list.
    """
    named = url.settings.get("search_path", "").split(",")[0].strip().strip('"')
    if not named or named == "$user":
        return
    current = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    if current != named:
        raise SettingsError(
            f"the tables would be created in the schema {current or '(none)'}: the schema that search_path in "
            "NOTIFIER_DATABASE_URL names does not exist, or the login may not use it. Let a superuser run "
            "CREATE SCHEMA for it, with AUTHORIZATION for this login"
        )
