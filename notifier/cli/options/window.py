"""How far back a command looks: seven days, unless it is told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from notifier.cli.terminal.output import say
from notifier.errors import UsageError

DEFAULT_DAYS = 7


def moment(given: str) -> datetime:
    """A time as people type it, in UTC unless it names an offset. Raises BadParameter."""
    try:
        found = datetime.fromisoformat(given)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{given!r} is not a time, as 2026-01-31 or 2026-01-31T12:00:00") from None


Since = Annotated[
    datetime | None,
    typer.Option(
        help=f"Only events from this time (UTC) on; default: {DEFAULT_DAYS} days ago.",
        show_default=False,
        parser=moment,
        metavar="TIME",
    ),
]
Until = Annotated[
    datetime | None, typer.Option(help="Only events before this time (UTC).", parser=moment, metavar="TIME")
]
History = Annotated[bool, typer.Option("--all", help="Of all days that are kept.")]


def check_window(since: datetime | None, until: datetime | None) -> None:
    """Raises UsageError for a window that holds no time."""
    if since and until and since >= until:
        raise UsageError(f"--since {since:%Y-%m-%dT%H:%M:%S} is not before --until {until:%Y-%m-%dT%H:%M:%S}")


def window_start(since: datetime | None, now: datetime, everything: bool) -> datetime | None:
    """The time of the first event to look at, None for all. `now` is the database's clock."""
    if since or everything:
        return since
    return (now - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)


def tell_window(start: datetime | None, given: datetime | None) -> None:
    """Name the default window where it was used."""
    if start and not given:
        say(f"events since {start:%Y-%m-%d %H:%M} UTC; --since or --all goes further back", err=True)
