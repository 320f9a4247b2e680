"""Messages, tables and progress on standard error. Standard output is for JSON."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

_console = Console(stderr=True)
if not _console.is_terminal:
    _console.width = 120  # in a file; rich takes 80


def say(what: str) -> None:
    _console.print(what, highlight=False)


def show(title: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Print a table. Each row maps names of columns to values; missing ones are empty."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left")
    for row in listed:
        table.add_row(*(_text(row.get(name)) for name in names))
    _console.print(table)


def progress() -> Progress:
    return Progress(console=_console, transient=True, disable=not _console.is_terminal)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.{0 if abs(value) >= 100 else 1}f}" if isinstance(value, float) else str(value)  # noqa: PLR2004
