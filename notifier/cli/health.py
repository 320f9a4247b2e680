"""`notifier health`: for a container's HEALTHCHECK and for checks. Does not use the database."""

from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.errors import UsageError
from notifier.health import Heartbeat, silence

_PROCESSES = ("bridge", "feedback", "status-sender", "worker")


def health(
    process: Annotated[str, typer.Argument(help="bridge, feedback, status-sender or worker")],
    json: Json = False,
) -> None:
    """Say whether the process of this kind on this machine makes progress. Exit 1 if it hangs, if it could
    record nothing in the database for 30 seconds, or if a bridge could not list its shards for 120 seconds.
    """
    if process not in _PROCESSES:
        raise UsageError(f"{process!r} is neither bridge nor feedback nor status-sender nor worker")
    age, trouble = Heartbeat(process).age(), Heartbeat(process).trouble()
    good = not (silence(age) or trouble)
    words = silence(age) or f"last made progress {age or 0:.0f} s ago"
    if json:
        print_json({"process": process, "healthy": good, "seconds": age, "trouble": trouble or None})
    else:
        say(f"{process} {words}{f', but {trouble}' if trouble else ''}")
    if not good:
        raise typer.Exit(1)
