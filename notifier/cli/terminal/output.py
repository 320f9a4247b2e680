"""What commands print. Whatever of it came from an item, a provider or the user, a terminal does not act on it."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from notifier.text import masked, printable, printable_json

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of a table.")]


def say(text: str, *, err: bool = False) -> None:
    """Print lines of text, on the standard error if `err`."""
    typer.echo(printable(text, lines=True), err=err)


def say_error(text: str) -> None:
    """Print lines of text on the standard error, in red."""
    typer.secho(printable(text, lines=True), fg=typer.colors.RED, err=True)


def say_warning(text: str) -> None:
    """Print a line that begins with `warning:` on the standard error, in yellow."""
    typer.secho(printable(f"warning: {text}"), fg=typer.colors.YELLOW, err=True)


def print_json(value: Any) -> None:
    """Print one line of JSON. Control characters in its strings are escaped as JSON does it."""
    typer.echo(printable_json(_dumped(value)))


def with_recipients(row: Mapping[str, Any], *, reveal: bool) -> dict[str, Any]:
    """Return a row with its recipient, and with the further ones, each once: masked unless `reveal`."""
    further = list(dict.fromkeys(row["further_recipients"] or ())) or None
    if reveal:
        return {**row, "further_recipients": further}
    return {
        **row,
        "recipient": row["recipient"] and masked(row["recipient"]),
        "further_recipients": further and [masked(each) for each in further],
    }


def _dumped(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        return json.dumps(value, default=str)
