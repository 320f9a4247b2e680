"""`notifier operations`: what operators did, and why."""

import re
from datetime import datetime
from typing import Annotated

import typer

from notifier.cli.connection import connected
from notifier.cli.options.window import check_window, moment
from notifier.cli.terminal.output import Json, print_json
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError
from notifier.outbox import ACTIONS, Journal, JournalFilter, shown_scope

_BETWEEN_IDS = re.compile(r"(?<=[0-9a-f]),(?=[0-9a-f]{8}-)")


def operations(
    actor: Annotated[str, typer.Option(help="Only operators whose name contains this text, in any case.")] = "",
    action: Annotated[str, typer.Option(help="Only this action: pause, resume, cancel, redrive, ...")] = "",
    about: Annotated[
        str, typer.Option(help="Only operations about this: an id, a channel, or a part of a reason.")
    ] = "",
    since: Annotated[
        datetime | None, typer.Option(help="Only from this time (UTC) on.", parser=moment, metavar="TIME")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only before this time (UTC).", parser=moment, metavar="TIME")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most operations to show.")] = 50,
    json: Json = False,
) -> None:
    """What operators did, and why: the newest first. Rows are kept for four times NOTIFIER_KEEP_DAYS.

    Every command that changes something writes a row here, in the transaction of the change, under the name of
    NOTIFIER_ACTOR, else the login name and the host.
    """
    if action and action not in ACTIONS:
        raise UsageError(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    check_window(since, until)
    with connected() as engine:
        rows = Journal(engine).newest(JournalFilter(actor, action, about, since, until), limit)
    if json:
        print_json({"operations": rows})
        return
    columns = ("id", "at", "actor", "action", "deliveries", "reason", "scope")
    # A line may end between ids.
    shown = [{**row, "scope": _BETWEEN_IDS.sub(", ", shown_scope(row["scope"]))} for row in rows]
    print_table("Operations", shown, columns, "None.", spare=("id", "deliveries", "actor", "at"))
