"""`notifier demo`, `up` and `produce`: the whole system on this machine, and events to try it with."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifier.cli.output import Json, print_json

if TYPE_CHECKING:
    from sandbox.system import System

Logs = Annotated[Path | None, typer.Option(help="Keep the logs of all processes in this folder.", file_okay=False)]


def demo(
    events: Annotated[int, typer.Option(min=1, max=1_000_000, help="Events to write.")] = 1_000,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the system and its inbox open until Ctrl-C.")] = False,
    logs: Logs = None,
    json: Json = False,
) -> None:
    """Write events to a table: each must come out as exactly one mail. Needs no server and no AWS account.

    Exit 0 only if the provider's own journal holds exactly one accepted mail for each event.
    """
    from sandbox.demo import run_demo
    from sandbox.demo_screen import progress_bar, show_result

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


def up(logs: Logs = None) -> None:
    """Run the whole system with your routes (or the example's) until Ctrl-C: bridge, worker, servers, simulators."""
    with _system(logs) as system:
        system.start("bridge", "bridge")
        system.start("worker", "worker", "email")
        _until_interrupted(system)


def produce(
    events: Annotated[int, typer.Option(min=0, help="Events to write; 0 goes on until stopped.")] = 0,
    rate: Annotated[float, typer.Option(min=0.01, help="Events a second.")] = 1.0,
    table_only: Annotated[bool, typer.Option("--table-only", help="Make the table, write nothing.")] = False,
) -> None:
    """Write sample events of the example to the table `activity`, which is made where it is missing."""
    from notifier.settings import load_settings
    from sandbox.producer import produce_samples
    from sandbox.system import TABLE
    from sandbox.table import EventTable

    table = EventTable(load_settings(), TABLE)
    table.create()
    if table_only:
        return
    written = produce_samples(table, events or None, rate)
    typer.echo(f"{written:,} events written")


@contextmanager
def _system(logs: Path | None) -> Iterator["System"]:
    from sandbox.processes import stopped_by_signals
    from sandbox.system import running_servers

    with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="notifier-logs-") as folder:
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
        with running_servers(logs or Path(folder)) as system:
            yield system


def _until_interrupted(system: "System") -> None:
    import time

    for name, value in system.environment.items():
        if value:
            typer.echo(f"export {name}='{value}'", err=True)
    typer.echo(f"\nThe inbox: {system.ses.url}\nCtrl-C stops everything.", err=True)
    while True:
        system.check()
        time.sleep(0.5)
