"""The database of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from notifier.database.engine import Engine, connect
from notifier.database.errors import permitted
from notifier.database.schema import check_schema
from notifier.outbox import Report
from notifier.settings import load_database_settings

LONG_SECONDS = 300
"""Seconds that one statement of a command may take that counts or changes many deliveries."""


@contextmanager
def connected(patience: int = 30) -> Iterator[Engine]:
    """Connect to the database of NOTIFIER_DATABASE_URL for the block; a statement may take `patience` seconds.

    Raise the NotifierError that says what is wrong: no server answers, its schema is of another version, or the login
    lacks a right.
    """
    url = load_database_settings().database_url.get_secret_value()
    engine = connect(url, application="notifier cli", patience=patience)
    try:
        check_schema(engine)
        with permitted(engine):
            yield engine
    finally:
        engine.dispose()


@contextmanager
def open_report() -> Iterator[Report]:
    """Connect as `connected` does, with five minutes for a statement, and yield the outbox's report."""
    with connected(LONG_SECONDS) as engine:
        yield Report(engine)
