"""`notifier migrate`."""

import typer


def migrate() -> None:
    """Bring the database schema to this version. Safe to run twice, and by two at once."""
    from notifier.database import migrate as upgrade
    from notifier.database import schema_head
    from notifier.settings import load_database_settings

    upgrade(load_database_settings().database_url.get_secret_value())
    typer.echo(f"schema is at {schema_head()}")
