"""The command `notifier`. Other packages add theirs through the entry-point group `notifier.commands`."""

import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

import typer

from notifier.cli import audit, channels, health, inspect, journal, migrate, operate, retain, streams
from notifier.cli.terminal.output import say_error, say_warning
from notifier.errors import NotifierError, UsageError
from notifier.text import encodes

app = typer.Typer(
    name="notifier",
    help="Every event of a DynamoDB table becomes exactly one notification.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_OWN = (
    migrate.migrate,
    inspect.status,
    inspect.list_,
    inspect.show,
    inspect.shards,
    audit.audit,
    operate.resolve,
    operate.cancel,
    operate.redrive,
    streams.let_go,
    streams.rewind,
    retain.retain,
    journal.operations,
    channels.pause,
    channels.resume,
    health.health,
)
_LOGGING = ("bridge", "feedback", "worker")

for _command in _OWN:
    app.command(_command.__name__.rstrip("_").replace("_", "-"))(_command)
app.add_typer(channels.suppress, name="suppress")


def main() -> None:
    """Run a command. Exit code 0: good; 1: something was found wrong; 2: used or set up wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # of a terminal that has no UTF-8
    for point in sorted(entry_points(group="notifier.commands"), key=lambda each: each.name):
        app.command(point.name)(point.load())
    try:
        _check_arguments(sys.argv[1:])
        _warn_of_variables(sys.argv[1:])
        app()
    except NotifierError as error:
        say_error(f"notifier: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if (failure := _failure(error)) is None:
            raise
        say_error(f"notifier: {failure}")
        sys.exit(2)


def _failure(error: Exception) -> str | None:
    """The one line for a database that fails in the middle of a command; None for what is a mistake of ours."""
    from notifier.database.errors import DatabaseError, cause

    if not isinstance(error, DatabaseError):
        return None
    return (
        f"the database failed: {cause(error).rstrip('.')}. What was told as done is done: try again, or see its log"
    )


def _warn_of_variables(given: Sequence[str]) -> None:
    """For commands that have no log: what has one warns there."""
    if given[:1] and given[0] not in _LOGGING and any(name.upper().startswith("NOTIFIER_") for name in os.environ):
        from notifier.settings import unknown_variables

        for line in unknown_variables().values():
            say_warning(line)


def _check_arguments(given: Sequence[str]) -> None:
    if not all(map(encodes, given)):
        raise UsageError("an argument is not in UTF-8")
