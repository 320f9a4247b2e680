"""`notifier migrate`: the database schema, and the logins of the processes."""

from typing import Annotated

import typer

from notifier.cli.terminal.output import say
from notifier.database.engine import connect
from notifier.database.errors import permitted
from notifier.database.schema import migrate as migrate_schema
from notifier.database.schema import schema_head
from notifier.outbox.roles import grant_roles
from notifier.settings import RoleSettings, load_database_settings, read_settings

_REMEDY = (
    "--roles takes a login that owns the tables and may create roles: a superuser runs ALTER ROLE ... CREATEROLE"
)


def migrate(
    roles: Annotated[
        bool,
        typer.Option("--roles", help="Create a role for each process; those whose password is set may log in."),
    ] = False,
) -> None:
    """Bring the database schema to this version. Safe to run twice, and by two at once."""
    passwords = read_settings(RoleSettings).passwords() if roles else {}
    url = load_database_settings().database_url.get_secret_value()
    migrate_schema(url)
    say(f"schema is at {schema_head()}")
    if roles:
        made = _grant(url, passwords)
        logins = ", ".join(sorted(passwords)) or "none of them, as no password is set"
        say(f"roles are {', '.join(made)}; logins: {logins}")


def _grant(url: str, passwords: dict[str, str]) -> tuple[str, ...]:
    """Create the roles, and return their names. Raise SettingsError if the login may not."""
    engine = connect(url, application="notifier migrate")
    try:
        with permitted(engine, _REMEDY):
            return grant_roles(engine, passwords)
    finally:
        engine.dispose()
