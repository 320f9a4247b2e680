"""Tables for people. An id is never cut and stands on one line; columns that do not fit are left out."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.operating.times import in_words
from notifier.text import printable

Fields = Mapping[str, Any]
"""The cells of one line, by the name of the column."""

PROSE = frozenset(("reason", "error", "note", "what", "value", "scope", "newest_reason"))
"""Columns of sentences: only these are broken into lines, and never inside an id."""

_LEAST_PROSE = 18
_GAP = 2  # between two columns
_LONGEST_RULE = 120  # characters, in piped output
_ID = re.compile(r"\S*(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|shardId-)\S*")


def print_table(
    title: str, rows: Sequence[Fields], columns: Iterable[str], empty: str, *, spare: Sequence[str] = ()
) -> None:
    """Print one row a line, or the text `empty` if there is no row.

    In a terminal that is too narrow the columns of `spare` are left out, the first of them first, and named below
    the table. Piped output has all columns, and each row on one line.
    """
    console = Console()
    if not rows:
        console.print(Text(empty))
        return
    cells = {name: [printable(shown(row[name])) for row in rows] for name in columns}
    widths = {name: max(map(cell_len, (*values, _heading(name)))) for name, values in cells.items()}
    limit = limit_of(console)
    least = {name: _least(name, widths[name], values) for name, values in cells.items()}
    names = fitting(widths, limit, spare, least)
    console.width = max(_needed(names, widths, least), limit or sum(widths.values()) + _GAP * len(widths), len(title))
    given = _shared(names, widths, least, console.width)
    table = Table(
        title=title,
        title_justify="left",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),  # with the divider, which is a space, it makes the gap
    )
    for name in names:
        table.add_column(
            _heading(name),
            justify="right" if _is_number(rows[0][name]) else "left",
            overflow="fold",
            no_wrap=given[name] == widths[name],
            width=given[name] if given[name] < widths[name] else None,
        )
    for number in range(len(rows)):
        table.add_row(*(Text(cells[name][number]) for name in names))  # data is no markup
    _print(console, table, whole=limit is None)
    if missing := [_heading(name) for name in cells if name not in names]:
        console.print(Text(f"not shown: {', '.join(missing)}; a wider terminal and --json show all", style="dim"))


def _print(console: Console, table: Table, *, whole: bool) -> None:
    """Print a table. `whole`: for a file or a pipe, without blanks at the ends and with a short line below the
    heading, so that one long reason does not widen all lines.
    """
    if not whole:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        shorter = line.rstrip()
        console.file.write(f"{shorter[:_LONGEST_RULE] if set(shorter) == {'─'} else shorter}\n")


def print_facts(title: str, facts: Fields) -> None:
    """Print one thing, a line for each of its properties. A long value gets a line of its own and is not broken."""
    console = Console()
    limit = limit_of(console)
    console.print(Text(title, style="italic"))
    margin = max(map(len, facts)) + _GAP
    for name, value in facts.items():
        text = printable(shown(value))
        line = Text.assemble((_heading(name).ljust(margin), "bold"))
        if limit and margin + cell_len(text) > limit:
            line.append("\n" + " " * _GAP)
        console.print(line.append(text), soft_wrap=True)
    console.print()


def fitting(
    widths: Mapping[str, int], limit: int | None, spare: Sequence[str], least: Mapping[str, int] | None = None
) -> list[str]:
    """Return the columns that fit side by side in `limit` characters; all of them if it is None. Pure.

    Columns are left out in the order of `spare`, then from the last one on; the first of the others always stays.
    `least` is the width below which a column cannot be broken.
    """
    names = list(widths)
    least = least or {name: _least(name, width, ()) for name, width in widths.items()}
    if limit is None:
        return names
    for name in (*spare, *reversed(names[1:])):
        if _needed(names, widths, least) <= limit:
            break
        if name in names:
            names.remove(name)
    return names


def _shared(names: Sequence[str], widths: Mapping[str, int], least: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return the width of each column. What the least widths leave of `limit` goes to the columns that are wider.

    Rich would shorten the widest columns first, also below their least width.
    """
    given = {name: least[name] for name in names}
    left = limit - _needed(names, widths, least)
    wanting = sorted(
        (name for name in names if least[name] < widths[name]), key=lambda name: widths[name] - least[name]
    )
    for place, name in enumerate(wanting):
        share = min(widths[name] - least[name], left // (len(wanting) - place))
        given[name] += share
        left -= share
    return given


def _needed(names: Sequence[str], widths: Mapping[str, int], least: Mapping[str, int]) -> int:
    """Return the least width of these columns side by side. If Rich breaks lines it adds a blank after the last."""
    breaks = any(widths[name] > least[name] for name in names)
    return sum(least[name] + _GAP for name in names) - _GAP + breaks


def shown(value: Any) -> str:
    """Return the text of a cell."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return in_words(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def limit_of(console: Console) -> int | None:
    """Return the width of the terminal, None if the output is piped: programs such as grep read it line by line."""
    return console.width if console.is_terminal or os.environ.get("COLUMNS") else None


def _least(name: str, width: int, values: Iterable[str]) -> int:
    """Return the width below which a column cannot be broken: prose has that of its longest id."""
    if name not in PROSE:
        return width
    ids = (cell_len(found[0]) for value in values for found in _ID.finditer(value))
    return min(width, max(_LEAST_PROSE, *ids, 0))


def _heading(name: str) -> str:
    return name.removeprefix("records_").replace("_", " ")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
