"""Answers as tables for people, or as one last line of JSON for machines."""

import getpass
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

if TYPE_CHECKING:
    from notifier.database import Engine
    from notifier.outbox import Report

Json = Annotated[bool, typer.Option("--json", help="One line of JSON instead of a table.")]

_REPORT_SECONDS = 300  # it may have all of history to count
_PIPED_WIDTH = 250  # for grep and friends: a line stays a line


@contextmanager
def connected(patience: int = 30) -> "Iterator[Engine]":
    """The database. Raises the NotifierError that says what is wrong with it."""
    from notifier.database import check_schema, connect, permitted
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
    """Who is at the keyboard, as the journal names them."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container may run as a user without a name
        return f"{os.getuid()}@{socket.gethostname()}"


def print_json(value: Any) -> None:
    typer.echo(orjson.dumps(value, default=str).decode())


def print_table(title: str, rows: Sequence[Mapping[str, Any]], columns: Iterable[str], empty: str) -> None:
    """One row a line; `empty` is what to say where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    if not rows:
        console.print(empty)
        return
    names = list(columns)
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in names:
        table.add_column(
            name.replace("_", " "),
            justify="right" if _is_number(rows[0][name]) else "left",
            overflow="fold",  # an id that is cut off finds nothing
        )
    for row in rows:
        table.add_row(*(Text(shown(row[name])) for name in names))  # data is no markup
    console.print(table)


def shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def masked(recipient: str | None) -> str | None:
    """A recipient that a person can recognise and a passer-by cannot: `a…@example.com`."""
    if recipient is None:
        return None
    local, at, domain = recipient.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else f"{recipient[:2]}…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
