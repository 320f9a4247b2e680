"""`notifier migrate`."""

from typing import Annotated

import typer

from notifier.cli.terminal.output import say

_REMEDY = (
    "--roles takes a login that owns the tables and may create roles: a superuser runs ALTER ROLE ... CREATEROLE"
)


def migrate(
    roles: Annotated[
        bool,
        typer.Option("--roles", help="Make a role for each process; one whose password is set may log in."),
    ] = False,
) -> None:
    """Bring the database schema to this version. Safe to run twice, and by two at once."""
    from notifier.database.schema import migrate as upgrade
    from notifier.database.schema import schema_head
    from notifier.settings import RoleSettings, load_database_settings, read_settings

    passwords = read_settings(RoleSettings).passwords() if roles else {}
    url = load_database_settings().database_url.get_secret_value()
    upgrade(url)
    say(f"schema is at {schema_head()}")
    if roles:
        made = _grant(url, passwords)
        logins = ", ".join(sorted(passwords)) or "none of them, as no password is set"
        say(f"roles are {', '.join(made)}; logins: {logins}")


def _grant(url: str, passwords: dict[str, str]) -> tuple[str, ...]:
    from notifier.database.engine import connect
    from notifier.database.errors import permitted
    from notifier.outbox.roles import grant_roles

    engine = connect(url, application="notifier migrate")
    try:
        with permitted(engine, _REMEDY):
            return grant_roles(engine, passwords)
    finally:
        engine.dispose()
