"""`notifier erase`: what is kept of a person's address is blanked."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from notifier.cli.actor import actor
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.channel import ChannelOption
from notifier.cli.options.reason import Reason, given
from notifier.cli.terminal.output import Json, print_json, say
from notifier.operating.erasure_keys import erasure_keys
from notifier.operating.person import person_of
from notifier.outbox import Erased, Erasure


def erase(
    address: Annotated[str, typer.Argument(help="The recipient, in any spelling.")],
    reason: Reason,
    channel: ChannelOption = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel what waits to be sent; otherwise it is sent, and stays.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show how much it would be; change nothing.")] = False,
    json: Json = False,
) -> None:
    """Blank a person's address, items, tracebacks, feedback and dead letters of all days; counts, ids, states stay.

    Exit 1 if something of the person stays because its outcome is open: run it again once it is settled. A
    command that was interrupted is run again, too.
    """
    why = given(reason)
    person = person_of(address, channel)
    keys = erasure_keys()
    done = Erased()
    with connected(LONG_SECONDS) as engine:
        erasure = Erasure(engine, actor=actor(), keys=keys)
        for done in erasure.count(person) if dry_run else erasure.run(person, why, cancel=cancel):
            if done.day:
                say(f"{done.day}: {done.notifications:,} so far", err=True)
    _print(done, json, dry_run)
    if done.open and not dry_run:
        raise typer.Exit(1)


def _print(done: Erased, json: bool, dry_run: bool) -> None:
    found: dict[str, Any] = asdict(done)
    if json:
        print_json({name: value for name, value in found.items() if name != "day"} | {"dry_run": dry_run})
        return
    say(f"{'would erase' if dry_run else 'erased'}: {done.notifications:,} notifications")
    for name, rows in done.rows.items():
        say(f"  {name}: {rows:,}")
    if done.open:
        say(
            f"{len(done.open):,} stay: they, or the messages that they are in, wait to be sent, are in progress or "
            "unknown. --cancel cancels those that wait; notifier resolve settles what is unknown",
            err=True,
        )
