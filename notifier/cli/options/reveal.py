"""`--reveal`: personal data is shown in full, and the journal has who saw it, as in the console."""

from typing import Annotated

import typer

from notifier.cli.actor import actor
from notifier.database.engine import Engine
from notifier.outbox import Reveals

Why = Annotated[str, typer.Option("--reason", help="Why you look, with --reveal; kept in the journal.")]

UNSAID = "no reason was given"
"""The reason in the journal if none was given, as always by `notifier list`, whose `--reason` selects."""


def reveals(engine: Engine) -> Reveals:
    """Return what writes the journal under the name of the person who runs the command."""
    return Reveals(engine, actor=actor())


def note_recipients(engine: Engine, count: int, where: str, why: str = "") -> None:
    """Journal that so many recipients are shown in full; nothing if there is none."""
    if count:
        reveals(engine).note(f"{count} recipients of {where}", why.strip() or UNSAID)
