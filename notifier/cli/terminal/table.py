"""Tables for people: an id is never cut and stands on one line; where there is no room columns are left out."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from notifier.text import printable

Row = Mapping[str, Any]

PROSE = frozenset(("reason", "error", "note", "what", "value", "scope", "newest_reason"))
"""Columns of sentences: these alone are broken into lines."""

_LEAST_PROSE = 18
_GAP = 2  # between two columns


def print_table(
    title: str, rows: Sequence[Row], columns: Iterable[str], empty: str, *, spare: Sequence[str] = ()
) -> None:
    """One row a line; `empty` is what to say where there is none.

    In a terminal that is too narrow the columns of `spare` are left out, the first of them first, and named below
    the table. What is piped has all of them, and each row on one line.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not rows:
        console.print(Text(empty))
        return
    cells = {name: [printable(shown(row[name])) for row in rows] for name in columns}
    widths = {name: max(map(_width, (*values, _heading(name)))) for name, values in cells.items()}
    limit = _limit(console.width, terminal=console.is_terminal)
    names = fitting(widths, limit, spare)
    least = _needed(names, widths)
    console.width = max(least, limit or sum(widths.values()) + _GAP * len(widths), len(title))
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
        prose = name in PROSE and bool(limit)
        table.add_column(
            _heading(name),
            justify="right" if _is_number(rows[0][name]) else "left",
            overflow="fold",
            no_wrap=not prose,
            min_width=_least(name, widths[name]),
        )
    for number in range(len(rows)):
        table.add_row(*(Text(cells[name][number]) for name in names))  # data is no markup
    console.print(table)
    if missing := [_heading(name) for name in cells if name not in names]:
        console.print(Text(f"not shown: {', '.join(missing)}; a wider terminal and --json show all", style="dim"))


def print_facts(title: str, facts: Row) -> None:
    """One thing, a line for each of its properties; a long value begins a line of its own and is not broken."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    limit = _limit(console.width, terminal=console.is_terminal)
    console.print(Text(title, style="italic"))
    margin = max(map(len, facts)) + _GAP
    for name, value in facts.items():
        told = printable(shown(value))
        line = Text.assemble((_heading(name).ljust(margin), "bold"))
        if limit and margin + _width(told) > limit:
            line.append("\n" + " " * _GAP)
        console.print(line.append(told), soft_wrap=True)
    console.print()


def fitting(widths: Mapping[str, int], limit: int | None, spare: Sequence[str]) -> list[str]:
    """The columns that fit side by side: all, or all but those that are left out first. Pure.

    Where `spare` is not enough, the last ones go too, but for the first.
    """
    names = list(widths)
    if limit is None:
        return names
    for name in (*spare, *reversed(names[1:])):
        if _needed(names, widths) <= limit:
            break
        if name in names:
            names.remove(name)
    return names


def _needed(names: Sequence[str], widths: Mapping[str, int]) -> int:
    """The least width of these columns side by side. Rich keeps a blank behind the last one where it breaks lines."""
    breaks = any(name in PROSE and widths[name] > _LEAST_PROSE for name in names)
    return sum(_least(name, widths[name]) + _GAP for name in names) - _GAP + breaks


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


def _limit(width: int, *, terminal: bool) -> int | None:
    """None where nobody reads it in a terminal: for grep and friends a line stays a line."""
    return width if terminal or os.environ.get("COLUMNS") else None


def _least(name: str, width: int) -> int:
    return min(width, _LEAST_PROSE) if name in PROSE else width


def _heading(name: str) -> str:
    return name.removeprefix("records_").replace("_", " ")


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
