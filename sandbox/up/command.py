"""The commands `notifier up` and `notifier env`. They import what they need when they run, so that
`notifier --help` stays fast.
"""

from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json

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
    from sandbox.up.run import run

    run(data, logs)


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
