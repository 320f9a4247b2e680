"""The command `notifier`. Other packages add theirs through the entry-point group `notifier.commands`."""

import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

from notifier.cli import channels, database, health, inspect, operate
from notifier.errors import NotifierError, UsageError

app = typer.Typer(
    name="notifier",
    help="Every event of a DynamoDB table becomes exactly one notification.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_OWN = (
    database.migrate,
    inspect.status,
    inspect.list_,
    inspect.show,
    inspect.shards,
    inspect.audit,
    operate.resolve,
    operate.cancel,
    operate.redrive,
    channels.pause,
    channels.resume,
    health.health,
)


def main() -> None:
    """Run a command. Exit code 0: good; 1: something was found wrong; 2: used or set up wrong."""
    for command in _OWN:
        app.command(command.__name__.rstrip("_"))(command)
    app.add_typer(channels.suppress, name="suppress")
    for point in sorted(entry_points(group="notifier.commands"), key=lambda each: each.name):
        app.command(point.name)(point.load())
    try:
        _check_arguments(sys.argv[1:])
        app()
    except NotifierError as error:
        typer.secho(f"notifier: {error}", fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _check_arguments(given: Sequence[str]) -> None:
    try:
        "".join(given).encode()
    except UnicodeEncodeError:
        raise UsageError("an argument is not in UTF-8") from None
