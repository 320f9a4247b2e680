"""`notifier health`: for a container's HEALTHCHECK and for checks. Does not use the database."""

from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.errors import UsageError
from notifier.health.beats import PROCESSES, verdict
from notifier.health.heartbeat import Heartbeat


def health(
    process: Annotated[str, typer.Argument(help="bridge, feedback, status-sender or worker")],
    json: Json = False,
) -> None:
    """Say whether the process of this kind on this machine makes progress. Exit 1 if it hangs, if it could
    record nothing in the database for 30 seconds, or if a bridge could not list its shards for 120 seconds.
    """
    if process not in PROCESSES:
        raise UsageError(f"{process!r} is neither bridge nor feedback nor status-sender nor worker")
    age, trouble = Heartbeat(process).age(), Heartbeat(process).trouble()
    good, line = verdict(process, age, trouble)
    if json:
        print_json({"process": process, "healthy": good, "seconds": age, "trouble": trouble or None})
    else:
        say(line)
    if not good:
        raise typer.Exit(1)
