"""How far back a command looks: seven days, unless `--since` or `--all` is given."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from notifier.cli.terminal.output import say
from notifier.errors import UsageError
from notifier.operating.times import DEFAULT_DAYS, in_utc


def moment(given: str) -> datetime:
    """Return the time that a user typed, as `in_utc`. Raise BadParameter if it is none."""
    try:
        return in_utc(given)
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
History = Annotated[bool, typer.Option("--all", help="Events of all days that are kept.")]


def check_window(since: datetime | None, until: datetime | None) -> None:
    """Raise UsageError if `since` is not before `until`."""
    if since and until and since >= until:
        raise UsageError(f"--since {since:%Y-%m-%dT%H:%M:%S} is not before --until {until:%Y-%m-%dT%H:%M:%S}")


def window_start(since: datetime | None, now: datetime, everything: bool) -> datetime | None:
    """Return the time of the first event to look at, None for all. `now` is the database's clock."""
    if since or everything:
        return since
    return (now - timedelta(days=DEFAULT_DAYS)).replace(minute=0, second=0, microsecond=0)


def print_window(start: datetime | None, given: datetime | None) -> None:
    """Print the start of the default window on the standard error, if it was used."""
    if start and not given:
        say(f"events since {start:%Y-%m-%d %H:%M} UTC; --since or --all goes further back", err=True)
