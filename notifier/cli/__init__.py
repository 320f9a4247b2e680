"""The command `notifier`. Other packages add commands through the entry-point group `notifier.commands`."""

import io
import os
import sys
from collections.abc import Callable, Sequence

import typer

from notifier.cli.lazy import LazyGroup
from notifier.cli.terminal.output import say_error, say_warning
from notifier.errors import NotifierError, PackageHidden, UsageError
from notifier.process.own_packages import check_not_hidden
from notifier.text import encodes

app = typer.Typer(
    name="notifier",
    cls=LazyGroup,
    help="Every event of a DynamoDB table becomes exactly one notification.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(lambda: None)  # Typer makes a group of an app without commands only if it has a callback

_LOGGING = ("bridge", "doctor", "feedback", "worker")
"""Commands that report unknown variables themselves."""


def main(run: Callable[[], object] = app) -> None:
    """Run a command, by `run`. Exit code 0: good; 1: something was found wrong; 2: used or set up wrong."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 must not make the output fail
    try:
        _check_arguments(sys.argv[1:])
        _warn_of_variables(sys.argv[1:])
        run()
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
    """Return one line about a database that failed in the middle of a command, or a package of ours that is hidden;
    None for any other error.
    """
    if isinstance(error, ImportError):
        try:
            check_not_hidden(error.name or "")
        except PackageHidden as hidden:
            return str(hidden)
        return None
    from notifier.database.errors import DatabaseError, cause  # only here: it imports SQLAlchemy

    if not isinstance(error, DatabaseError):
        return None
    return (
        f"the database failed: {cause(error).rstrip('.')}. What was printed as done is done: try again, or see the "
        "database's log"
    )


def _warn_of_variables(given: Sequence[str]) -> None:
    """Print a warning for each unknown variable, unless the command reports them."""
    if given[:1] and given[0] not in _LOGGING and any(name.upper().startswith("NOTIFIER_") for name in os.environ):
        from notifier.settings import unknown_variables  # only here: it imports pydantic

        for line in unknown_variables().values():
            say_warning(line)


def _check_arguments(given: Sequence[str]) -> None:
    if not all(map(encodes, given)):
        raise UsageError("an argument is not in UTF-8")
