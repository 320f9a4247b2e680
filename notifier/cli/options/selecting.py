"""Options that select notifications. They mean the same in `notifier list`, `cancel` and `redrive`."""

from typing import Annotated

import typer

from notifier.channels import spellings

RouteOption = Annotated[str, typer.Option("--route", help="Only this route.")]
TableOption = Annotated[str, typer.Option("--table", help="Only events of this table.")]
RecipientOption = Annotated[
    str, typer.Option("--recipient", help="Only to this recipient, in any spelling. Looks at all days.")
]
KeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        help="Only of items that have this value as one of their keys; may be given twice. Looks at all days.",
        show_default=False,
    ),
]
Because = Annotated[str, typer.Option("--because", help="Only deliveries whose reason contains this text.")]

ScheduledOption = Annotated[
    bool, typer.Option("--scheduled", help="Only those that wait because their route returned Later.")
]


def recipients_of(recipient: str, channel: str) -> tuple[str, ...]:
    """Return the spellings under which this recipient may be recorded; none if no recipient is given.

    Raises SettingsError if no channel is called `channel`.
    """
    return tuple(spellings(recipient, channel)) if recipient else ()
