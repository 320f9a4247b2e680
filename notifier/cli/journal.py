"""`notifier operations`: what operators did, and why."""

from datetime import datetime
from typing import Annotated

import typer

from notifier.cli.options.window import check_window, moment
from notifier.cli.terminal.output import Json, connected, print_json
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError


def operations(
    actor: Annotated[str, typer.Option(help="Only whose name holds this text, in any case.")] = "",
    action: Annotated[str, typer.Option(help="Only this: pause, resume, cancel, redrive, ...")] = "",
    about: Annotated[str, typer.Option(help="Only what names this text: an id, a channel, a part of a reason.")] = "",
    since: Annotated[
        datetime | None, typer.Option(help="Only from this time (UTC) on.", parser=moment, metavar="TIME")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only before this time (UTC).", parser=moment, metavar="TIME")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    json: Json = False,
) -> None:
    """What operators did, and why: the newest first. Rows are kept for four times NOTIFIER_KEEP_DAYS.

    Every command that changes something writes here, in the transaction of the change, under the name of
    NOTIFIER_ACTOR, else the login name and the host.
    """
    from notifier.outbox import ACTIONS, Journal, JournalFilter

    if action and action not in ACTIONS:
        raise UsageError(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    check_window(since, until)
    with connected() as engine:
        rows = Journal(engine).newest(JournalFilter(actor, action, about, since, until), limit)
    if json:
        print_json({"operations": rows})
        return
    columns = ("id", "at", "actor", "action", "deliveries", "reason", "scope")
    print_table("Operations", rows, columns, "None.", spare=("id", "deliveries", "actor"))
