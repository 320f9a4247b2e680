"""A group of commands whose modules are imported only when a command runs.

Importing all that the commands use takes longer than a second. `notifier --help` and `notifier health`, which a
container runs every few seconds, must not wait for it.
"""

import ast
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from notifier.errors import PackageHidden
from notifier.process.entry_points import declared
from notifier.process.own_packages import check_not_hidden

ENTRY_POINTS = "notifier.commands"
"""The entry-point group through which other packages add commands."""

COMMANDS = {
    "migrate": "notifier.cli.migrate:migrate",
    "status": "notifier.cli.inspect.status:status",
    "list": "notifier.cli.records.listing:list_",
    "show": "notifier.cli.inspect.show:show",
    "shards": "notifier.cli.inspect.shards:shards",
    "audit": "notifier.cli.audit:audit",
    "resolve": "notifier.cli.operate:resolve",
    "cancel": "notifier.cli.operate:cancel",
    "redrive": "notifier.cli.operate:redrive",
    "bring-forward": "notifier.cli.operate:bring_forward",
    "compare": "notifier.comparison.command:compare",
    "erase": "notifier.cli.records.erase:erase",
    "let-go": "notifier.cli.streams:let_go",
    "rewind": "notifier.cli.streams:rewind",
    "retain": "notifier.cli.retain:retain",
    "operations": "notifier.cli.journal:operations",
    "pause": "notifier.cli.channels:pause",
    "resume": "notifier.cli.channels:resume",
    "suppress": "notifier.cli.suppress:suppress",
    "routes": "notifier.preview.command:routes",
    "template": "notifier.template_commands.command:template",
    "doctor": "notifier.cli.doctor:doctor",
    "health": "notifier.cli.health:health",
}
"""Our own commands in the order of `notifier --help`: the module and the function, or the `typer.Typer`, of each."""


class LazyGroup(TyperGroup):
    """The command `notifier`.

    `get_command`, which the help calls for each command, returns one that has only a name and a help text;
    `resolve_command`, which is called for the command that runs, returns the real one.
    """

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._sources = sources()
        self.commands: dict[str, Any] = dict.fromkeys(self._sources)  # the names, for the list and for suggestions

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        source = self._sources.get(cmd_name)
        return TyperCommand(cmd_name, help=_help(source)) if source else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _imported(name, self._sources[name]) if command and name else None, rest


def load(name: str) -> Any:
    """Import the command of that name. Return it as Typer runs it."""
    return _imported(name, sources()[name])


def _imported(name: str, source: str) -> Any:
    module, _, attribute = source.partition(":")
    check_not_hidden(module)
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


def _help(source: str) -> str:
    try:
        return docstring(source)
    except PackageHidden as hidden:  # the command says so when it runs; the list has the others
        return f"Cannot run: {hidden}"


def docstring(source: str) -> str:
    """Return the docstring of `module:function` without importing the module, or that of the module itself if it has
    no function of this name. Empty if the module's source cannot be read. Raise PackageHidden.
    """
    module, _, name = source.partition(":")
    check_not_hidden(module)
    spec = find_spec(module)
    loader = spec and spec.loader
    text = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    tree = ast.parse(text or "")
    function = next((each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name), tree)
    return ast.get_docstring(function) or ""


def sources() -> dict[str, str]:
    """Return `module:function` of each command by its name: our own, then those of other packages."""
    added = sorted((point.name, point.value) for point in declared(ENTRY_POINTS))
    return {**COMMANDS, **dict(added)}
