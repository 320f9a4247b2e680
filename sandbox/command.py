"""The commands `notifier demo` and `produce`. They import what they need when they run, so that
`notifier --help` stays fast.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say

if TYPE_CHECKING:
    from sandbox.system import System

Logs = Annotated[Path | None, typer.Option(help="Keep the logs of all processes in this folder.", file_okay=False)]


def demo(
    events: Annotated[int, typer.Option(min=1, max=1_000_000, help="Events to write.")] = 1_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the system and its inbox open until Ctrl-C.")] = False,
    logs: Logs = None,
    json: Json = False,
) -> None:
    """Write events to a table: each must become exactly one mail. Needs no server and no AWS account.

    Exit 0 only if the provider's own journal has exactly one accepted mail for each event.
    """
    from sandbox.demo.demo import run_demo
    from sandbox.demo.screen import progress_bar, show_result

    with _system(logs) as system:
        with progress_bar(events, quiet=json) as progress:
            result = run_demo(system, events, progress)
        if json:
            print_json(result.summary())
        else:
            show_result(result, system.ses.newest_mail())
        if keep:
            _until_interrupted(system)
    if not result.exact:
        raise typer.Exit(1)


def produce(
    events: Annotated[int, typer.Option(min=0, help="Events to write; 0 goes on until stopped.")] = 0,
    rate: Annotated[float, typer.Option(min=0.01, help="Events a second.")] = 1.0,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Make the table, and an emulator's queue for SES's events.")
    ] = False,
) -> None:
    """Write sample events of the example to the table `activity`, which is made if it does not exist."""
    from notifier.settings import load_settings
    from sandbox.events_queue import create_events_queue
    from sandbox.producer import produce_samples
    from sandbox.system import TABLE
    from sandbox.table import EventTable

    settings = load_settings()
    table = EventTable(settings, TABLE)
    table.create()
    if table_only:
        if settings.feedback_queue_url and settings.endpoint("sqs"):
            create_events_queue(settings)
        return
    written = produce_samples(table, events or None, rate)
    say(f"{written:,} events written")


@contextmanager
def _system(logs: Path | None) -> Iterator["System"]:
    from sandbox.embedded.processes import stopped_by_signals
    from sandbox.system import running_servers

    with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="notifier-logs-") as folder:
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
        with running_servers(logs or Path(folder)) as system:
            yield system


def _until_interrupted(system: "System") -> None:
    from sandbox.up.loop import greeting, watch
    from sandbox.up.registry import registered
    from sandbox.up.variables import system_variables

    with registered(None, system_variables(system)):
        for line in greeting([("inbox", system.ses.url), ("logs", str(system.folder))]):
            say(line, err=True)
        watch(system, ())
