"""The commands `notifier up` and `notifier env`. They import what they need when they run, so that
`notifier --help` stays fast.
"""

import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say

Logs = Annotated[Path | None, typer.Option(help="Keep the logs of all processes in this folder.", file_okay=False)]
Process = Annotated[int | None, typer.Option(metavar="PID", help="The process id of the `notifier up`.")]
Data = Annotated[Path | None, typer.Option(help="The folder of its data.", file_okay=False)]


def up(
    data: Annotated[
        Path | None,
        typer.Option(help="Keep data, ports and passwords in this folder for the next time.", file_okay=False),
    ] = None,
    logs: Logs = None,
) -> None:
    """Run the whole system with your routes (or the example's) until Ctrl-C: processes, servers, simulators.

    No message leaves this machine: the inbox shows mails, SMS, webhooks, and what channels of other packages send.
    Saved changes of routes and templates are taken over at once. Your NOTIFIER_ variables apply, also those of such
    channels, except for the addresses of servers. Without NOTIFIER_TABLES the tables of the routes are read.
    """
    from sandbox.embedded.allocation import free_port
    from sandbox.embedded.processes import stopped_by_signals
    from sandbox.system import check_setup, own_options, running_servers
    from sandbox.up.data_folder import data_folder
    from sandbox.up.loop import greeting, page_rows, routes_row, watch
    from sandbox.up.pages import link_options, open_pages
    from sandbox.up.registry import registered
    from sandbox.up.reload import Reloader
    from sandbox.up.variables import system_variables

    options = own_options()
    routes = check_setup(options)
    follows_tables = "NOTIFIER_TABLES" not in options
    options.setdefault("NOTIFIER_TABLES", ",".join(sorted({route.table for route in routes})))
    say("Starting servers and processes: takes about 20 seconds.", err=True)
    with stopped_by_signals(), ExitStack() as stack:
        folder = stack.enter_context(data_folder(data)) if data else None
        where = logs or (folder.logs() if folder else None)
        if where:
            where.mkdir(parents=True, exist_ok=True)
        place = where or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notifier-logs-")))
        kept = folder.server if folder else None
        port = cache(folder.port if folder else lambda _: free_port())
        options |= link_options(port)
        system = stack.enter_context(running_servers(place, options=options, kept=kept))
        system.start("feedback", "feedback")
        register = stack.enter_context(registered(data, system_variables(system)))
        reloader = Reloader(
            system, follows_tables=follows_tables, switched=lambda: register(system_variables(system))
        )
        stack.callback(reloader.close)
        pages = open_pages(system, port)
        stack.callback(lambda: system.ask_to_stop(*(page.process for page in pages)))
        rows = [
            routes_row(routes, options),
            ("inbox", system.ses.url),
            *page_rows(pages),
            ("data", str(data) if data else "removed at the end; --data FOLDER keeps them"),
            ("logs", str(place) if where else f"{place} (removed at the end)"),
        ]
        for line in greeting(rows, data):
            say(line, err=True)
        stack.callback(lambda: say("Stopping...", err=True))
        watch(system, pages, reloader)


def env(data: Data = None, process: Process = None, json: Json = False) -> None:
    """Print the variables of the running `notifier up`, for a shell: eval "$(notifier env)".

    With them `notifier` and your own programs find its servers, also by boto3 and other AWS SDKs. Standard error says
    in which folder it was started. Exit 2 if none runs, or several do and none is named.
    """
    import os

    from sandbox.up.registry import running
    from sandbox.up.variables import shell_lines

    found = running(data, process)
    if json:
        print_json(found.variables)
        return
    typer.echo(f"# notifier up in {found.folder or '?'}", err=True)
    for line in shell_lines(found.variables, os.environ):
        typer.echo(line)
