"""The option `--reason`: why an operator does something. In `notifier list` it is another name of `--because`."""

from typing import Annotated

import typer

from notifier.errors import UsageError

Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the journal.", show_default=False)]
"""Required, unless the command gives it an empty default."""


def given(reason: str) -> str:
    """Return the reason without white space around it. Raise UsageError if it is empty."""
    if not reason.strip():
        raise UsageError("--reason is empty: give a reason; it is stored in the journal")
    return reason.strip()
