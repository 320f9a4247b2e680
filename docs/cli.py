"""Generates the page of all commands from the commands themselves. `make docs` writes it."""

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from notifier.cli.lazy import load, sources

_HEAD = """\
# Commands in full

Each command with its arguments and options, as `notifier COMMAND --help` shows them; [commands.md](commands.md) says
which one is for what. This page is generated from the code: `make docs`.

Exit codes: 0 good, 1 something is wrong, 2 used wrongly, or a server that is needed does not answer."""


def cli_page() -> str:
    """Return the page. Raise ValueError for a command or an option that is not described."""
    parts = [_HEAD]
    for name in sorted(sources()):
        parts += _sections(f"notifier {name}", load(name))
    return "\n\n".join(parts) + "\n"


def _sections(name: str, command: Any) -> Iterator[str]:
    if not command.help:
        raise ValueError(f"`{name}` has no help text")
    yield f"## {name}" if name.count(" ") == 1 else f"### {name}"
    yield inspect.cleandoc(command.help).replace("\f", "").strip()
    below = getattr(command, "commands", {})
    rows = [_row(name, each) for each in command.params if not each.hidden and each.name != "help"]
    if rows and not below:
        yield "\n".join(["| argument or option | default | meaning |", "|---|---|---|", *rows])
    for each in below:
        yield from _sections(f"{name} {each}", below[each])


def _row(command: str, given: Any) -> str:
    meaning = " ".join((given.help or "").split()).replace("|", r"\|")
    if given.param_type_name == "option" and not meaning:
        raise ValueError(f"`{command} {given.opts[0]}` has no help text")
    return f"| {_shown(given)} | {_default(given)} | {meaning} |"


def _shown(given: Any) -> str:
    if given.param_type_name == "argument":
        return f"`{given.metavar or given.name.upper()}`"
    names = ", ".join(f"`{each}`" for each in (*given.opts, *given.secondary_opts))
    return names if given.is_flag else f"{names} {_kind(given.type_descriptor.annotation)}"


def _kind(annotation: Any) -> str:
    """Return what is written behind the option: the choices, or the type."""
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return ", ".join(f"`{each.value}`" for each in annotation)
    return {int: "a number", float: "a number", Path: "a file"}.get(annotation, "a text")


def _default(given: Any) -> str:
    if given.required:
        return "**required**"
    default = getattr(given.default, "value", given.default)
    return "" if default in (None, False, "", ()) or callable(default) else f"`{default}`"
