"""The option `--reason`: why an operator does something. It means the same in every command."""

from typing import Annotated

import typer

from notifier.errors import UsageError

Reason = Annotated[str, typer.Option("--reason", help="Why. It is kept.", show_default=False)]
"""Of a command that cannot do without; where it is optional its default is empty."""


def given(reason: str) -> str:
    """Raises UsageError for one that says nothing."""
    if not reason.strip():
        raise UsageError("--reason is empty: say why, it is kept")
    return reason.strip()
