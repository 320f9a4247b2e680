"""The commands `notifier demo`, `up`, `produce` and `put`. They import what they need when they run, so that
`notifier --help` stays fast.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
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


def up(logs: Logs = None) -> None:
    """Run the whole system with your routes (or the example's) until Ctrl-C: processes, servers, simulators.

    No message leaves this machine: the inbox shows mails, SMS, webhooks, and what channels of other packages send.
    Your NOTIFIER_ variables apply, also those of such channels, except for the addresses of servers. Without
    NOTIFIER_TABLES the tables of the routes are read. Each run begins with empty servers and keeps only its logs.
    """
    from sandbox.system import check_setup, own_options

    options = own_options()
    routes = check_setup(options)
    options.setdefault("NOTIFIER_TABLES", ",".join(sorted({route.table for route in routes})))
    with _system(logs, options) as system:
        system.start("bridge", "bridge")
        system.start("feedback", "feedback")
        system.start("worker", "worker", *sorted({route.channel for route in routes}), module="sandbox.local_worker")
        _until_interrupted(system)


def put(
    item: Annotated[str, typer.Argument(help='The item as JSON: {"pk": "...", "sk": "...", ...}')],
    table: Annotated[str, typer.Option(help="Its table; otherwise the first of NOTIFIER_TABLES.")] = "",
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the item with these keys instead: the event is a REMOVE.")
    ] = False,
    json: Json = False,
) -> None:
    """Write one item to a table, as an application would: the event is an INSERT, or a MODIFY of an existing item.

    Exit 1 if --delete finds no item.
    """
    from notifier.settings import load_settings
    from sandbox.producer import parse_item
    from sandbox.system import TABLE
    from sandbox.table import EventTable

    written, settings = parse_item(item), load_settings()
    into = EventTable(settings, table or next(iter(settings.tables), TABLE))
    if delete:
        changed = into.delete(written)
        text = f"deleted from {into.name}"
    else:
        list(into.write([written]))
        changed, text = True, f"written to {into.name}"
    if json:
        print_json({"table": into.name, "changed": changed})
    else:
        say(text if changed else f"there is no such item in {into.name}: nothing was deleted, and there is no event")
    if not changed:
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
def _system(logs: Path | None, options: Mapping[str, str] | None = None) -> Iterator["System"]:
    from sandbox.embedded.processes import stopped_by_signals
    from sandbox.system import running_servers

    with stopped_by_signals(), tempfile.TemporaryDirectory(prefix="notifier-logs-") as folder:
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
        with running_servers(logs or Path(folder), options=options) as system:
            yield system


def _without(unknown: Mapping[str, str], lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without the warnings of unknown variables, which the command printed when it started."""
    return (line for line in lines if not any(warning in line for warning in unknown.values()))


def _until_interrupted(system: "System") -> None:
    import shlex
    import time

    from notifier.database.engine import connect
    from notifier.settings import unknown_variables
    from sandbox.failures import Failures
    from sandbox.system import CREDENTIALS

    unknown = unknown_variables(system.environment)
    failures = Failures(connect(system.postgres.url("notifier"), application="notifier up"))
    for name, value in {**system.environment, **CREDENTIALS}.items():
        if name not in unknown:
            say(f"export {name}={shlex.quote(value)}", err=True)
    say(f"\nThe inbox: {system.ses.url}", err=True)
    say(f"The logs: {system.folder} (removed at the end, unless --logs FOLDER keeps them)", err=True)
    say("Failures, warnings and errors follow here. Ctrl-C stops everything.", err=True)
    while True:
        for line in (*_without(unknown, system.new_warnings()), *failures.lines()):
            say(line, err=True)
        system.check()
        time.sleep(0.5)
