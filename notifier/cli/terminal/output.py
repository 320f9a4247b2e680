"""What commands print, the database they ask, and who runs them."""

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from notifier.text import printable, printable_json

if TYPE_CHECKING:
    from notifier.database.engine import Engine
    from notifier.outbox import Report

Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of a table.")]

_REPORT_SECONDS = 300  # it may have all of history to count


@contextmanager
def connected(patience: int = 30) -> "Iterator[Engine]":
    """The database. Raises the NotifierError that says what is wrong with it."""
    from notifier.database.engine import connect
    from notifier.database.errors import permitted
    from notifier.database.schema import check_schema
    from notifier.settings import load_database_settings

    url = load_database_settings().database_url.get_secret_value()
    engine = connect(url, application="notifier cli", patience=patience)
    try:
        check_schema(engine)
        with permitted(engine):
            yield engine
    finally:
        engine.dispose()


@contextmanager
def report() -> "Iterator[Report]":
    """The outbox's report. Raises the NotifierError that says what is wrong with the database."""
    from notifier.outbox import Report

    with connected(_REPORT_SECONDS) as engine:
        yield Report(engine)


def operator() -> str:
    """Who runs this command, as the journal names them: NOTIFIER_ACTOR, else the login name and the host."""
    from notifier.settings import load_database_settings

    if given := load_database_settings().actor:
        return given
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"{os.getuid()}@{socket.gethostname()}"


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text. Whatever of it came from an item, a provider or the user, a terminal does not obey it."""
    typer.echo(printable(text, lines=True), err=err)


def say_error(text: str) -> None:
    """The same on the standard error, in red."""
    typer.secho(printable(text, lines=True), fg=typer.colors.RED, err=True)


def say_warning(text: str) -> None:
    """A line that begins with `warning:` on the standard error, in yellow."""
    typer.secho(printable(f"warning: {text}"), fg=typer.colors.YELLOW, err=True)


def print_json(value: Any) -> None:
    """One line: what a terminal would obey, in a value that came from elsewhere, is escaped as JSON has it."""
    typer.echo(printable_json(_dumped(value)))


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        return json.dumps(value, default=str)


def masked(recipient: str | None) -> str | None:
    """A recipient that a person can recognise and a passer-by cannot: `a…@example.com`."""
    if recipient is None:
        return None
    local, at, domain = recipient.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else f"{recipient[:2]}…"


def check_channel(name: str, *, found: bool) -> None:
    """Raises SettingsError where nothing was found because no channel has this name. One that was taken out of an
    installation may still have notifications.
    """
    from notifier.channels import capability

    if name and not found:
        capability(name)
