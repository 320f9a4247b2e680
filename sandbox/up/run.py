"""Runs the system of `notifier up`: servers, processes and pages, until a signal."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from notifier.cli.terminal.output import say
from sandbox.embedded.allocation import free_port
from sandbox.embedded.processes import stopped_by_signals
from sandbox.system import System, check_setup, own_options, running_servers
from sandbox.up.data_folder import DataFolder, data_folder
from sandbox.up.loop import greeting, page_rows, routes_row, watch
from sandbox.up.pages import OpenPage, link_options, open_pages
from sandbox.up.registry import registered
from sandbox.up.reload import Reloader
from sandbox.up.variables import system_variables


def run(data: Path | None, logs: Path | None) -> None:
    """Run the system until SIGTERM or Ctrl-C. `data` and `logs` are folders that are kept; without them both are
    removed at the end.

    Raise the NotifierError that says what is wrong with the set-up, before anything starts.
    """
    options = own_options()
    routes = check_setup(options)
    follows_tables = "NOTIFIER_TABLES" not in options
    options.setdefault("NOTIFIER_TABLES", ",".join(sorted({route.table for route in routes})))
    say("Starting servers and processes: takes about 20 seconds.", err=True)
    with stopped_by_signals(), ExitStack() as stack:
        folder = stack.enter_context(data_folder(data)) if data else None
        kept_logs = _kept_logs(logs, folder)
        place = kept_logs or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifier-logs-")))
        port = cache(folder.port if folder else lambda _: free_port())
        options |= link_options(port)
        servers = running_servers(place, options=options, kept=folder.server if folder else None)
        system = stack.enter_context(servers)
        system.start("feedback", "feedback")
        reloader = _reloader(stack, system, data, follows_tables=follows_tables)
        pages = open_pages(system, port)
        stack.callback(lambda: system.ask_to_stop(*(page.process for page in pages)))
        rows = [routes_row(routes, options), *_places(system, pages, data, place, kept=kept_logs is not None)]
        for line in greeting(rows, data):
            say(line, err=True)
        stack.callback(lambda: say("Stopping...", err=True))
        watch(system, pages, reloader)


def _kept_logs(logs: Path | None, folder: DataFolder | None) -> Path | None:
    """Return the folder of logs that are kept, and create it. None if they are removed at the end."""
    kept = logs or (folder.logs() if folder else None)
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    return kept


def _reloader(stack: ExitStack, system: System, data: Path | None, *, follows_tables: bool) -> Reloader:
    """Register the system for `notifier env`, and return what takes over saved changes until the stack is closed."""
    register = stack.enter_context(registered(data, system_variables(system)))
    reloader = Reloader(system, follows_tables=follows_tables, switched=lambda: register(system_variables(system)))
    stack.callback(reloader.close)
    return reloader


def _places(
    system: System, pages: Sequence[OpenPage], data: Path | None, logs: Path, *, kept: bool
) -> list[tuple[str, str]]:
    """Return name and address of each page, and the folders of data and logs."""
    return [
        ("inbox", system.ses.url),
        *page_rows(pages),
        ("data", str(data) if data else "removed at the end; --data FOLDER keeps them"),
        ("logs", str(logs) if kept else f"{logs} (removed at the end)"),
    ]
