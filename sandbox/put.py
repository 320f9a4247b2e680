"""The command `notifier put`. It imports what it needs when it runs, so that `notifier --help` stays fast."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.errors import UsageError

if TYPE_CHECKING:
    from sandbox.table import EventTable


def put(
    item: Annotated[
        list[str] | None,
        typer.Argument(help="""The item: as JSON, '{"pk": "...", "sk": "..."}', or as pk=... sk=... name:=JSON."""),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Read items from this file; - is the standard input.", dir_okay=False),
    ] = None,
    table: Annotated[str, typer.Option(help="Its table; otherwise the first of NOTIFIER_TABLES.")] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Set only the given attributes of an existing item: a MODIFY.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the item with these keys instead: the event is a REMOVE.")
    ] = False,
    json: Json = False,
) -> None:
    """Write an item to a table, as an application would: the event is an INSERT, or a MODIFY of an existing item.

    It may be in DynamoDB's JSON, {"pk": {"S": "..."}}, too. A file may have several: one a line, or an array.
    Exit 1 if --update or --delete does not find an item; others are changed all the same.
    """
    from notifier.settings import load_settings
    from sandbox.system import TABLE
    from sandbox.table import EventTable

    if update and delete:
        raise UsageError("--update and --delete exclude each other")
    items, settings = _items(item or [], file), load_settings()
    if update:
        _check_changes(items)
    into = EventTable(settings, table or next(iter(settings.tables), TABLE))
    verb = "updated in" if update else "deleted from" if delete else "written to"
    changed = _apply(into, items, update=update, delete=delete)
    missing = len(items) - changed
    if json:
        print_json({"table": into.name, "changed": missing == 0, "items": changed, "missing": missing})
    elif changed:
        say(f"{verb} {into.name}" if len(items) == 1 else f"{changed:,} items {verb} {into.name}")
    if missing:
        if not json:
            say(_nothing(into.name, missing, verb.partition(" ")[0]))
        raise typer.Exit(1)


def _apply(into: "EventTable", items: Sequence[dict[str, Any]], *, update: bool, delete: bool) -> int:
    """Write, update or delete the items, in their order. Return how many there were to be changed."""
    if update or delete:
        change = into.update if update else into.delete
        return sum(change(each) for each in items)
    # One by one: a batch has no order, and refuses a key that it has twice.
    return sum(1 for _ in into.write(items, batch=1))


def _nothing(table: str, missing: int, verb: str) -> str:
    if missing == 1:
        return f"there is no such item in {table}: nothing was {verb}, and there is no event"
    return f"{missing:,} items are not in {table}: nothing was {verb} for them, and there is no event"


def _items(words: Sequence[str], file: Path | None) -> list[dict[str, Any]]:
    from sandbox.items import parse_items, parse_words

    if bool(words) == bool(file):
        raise UsageError("name an item, or --file FILE (- is the standard input), and not both")
    if file is None:
        return [parse_words(words)]
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    return parse_items(text)


def _check_changes(items: Sequence[dict[str, Any]]) -> None:
    from sandbox.table import KEYS

    if not all(item.keys() - KEYS for item in items):
        raise UsageError(f"--update needs an attribute beside {' and '.join(KEYS)}")
