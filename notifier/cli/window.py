"""How far back a command looks: seven days, unless it is told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

DEFAULT_DAYS = 7

Since = Annotated[
    datetime | None,
    typer.Option(help=f"Only events from this time (UTC) on; default: {DEFAULT_DAYS} days ago.", show_default=False),
]
History = Annotated[bool, typer.Option("--all", help="Of all days that are kept.")]


def utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def window_start(since: datetime | None, now: datetime, everything: bool) -> datetime | None:
    """The time of the first event to look at, None for all. `now` is the database's clock."""
    if since or everything:
        return since
    return (now - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)


def tell_window(start: datetime | None, given: datetime | None) -> None:
    """Name the default window where it was used."""
    if start and not given:
        typer.echo(f"events since {start:%Y-%m-%d %H:%M} UTC; --since or --all goes further back", err=True)
