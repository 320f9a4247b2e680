"""`notifier retain`: what `NOTIFIER_KEEP_DAYS` deletes, now or as a dry run."""

from dataclasses import asdict
from typing import Annotated

import typer

from notifier.cli.actor import actor
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError
from notifier.outbox import OldDay, Retention
from notifier.settings import load_database_settings

_REST_SECONDS = 60.0
"""A day that could not be dropped is tried again after this time at the earliest: otherwise the command would not end
while rows of a day change.
"""


def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted and what stays; change nothing.")
    ] = False,
    shorten: Annotated[
        bool, typer.Option("--shorten", help="From now on keep only as many days as NOTIFIER_KEEP_DAYS says.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why fewer days are kept; kept in the journal.", show_default=False)
    ] = "",
    json: Json = False,
) -> None:
    """Drop the days that are older than NOTIFIER_KEEP_DAYS, and delete old rows of other tables.

    Every bridge does that too, in small steps. A day is dropped once all of its deliveries are final. The
    database stores the most days that any process was told to keep; fewer are kept only after --shorten.
    """
    settings = load_database_settings()
    if not dry_run and not settings.is_set("keep_days"):
        raise UsageError("NOTIFIER_KEEP_DAYS is not set: give this command the value that the bridges have")
    if shorten and (dry_run or not reason.strip()):
        raise UsageError("--shorten changes what is kept: give it a --reason, and no --dry-run")
    with connected(LONG_SECONDS) as engine:
        retention = Retention(engine, settings.keep_days, _REST_SECONDS, explicit=not dry_run)
        if shorten:
            retention.period.shorten(reason)
        keep_days = _agreed(retention, settings.keep_days, dry_run=dry_run)
        if dry_run:
            _print_plan(retention, keep_days, json)
        else:
            days, rows = retention.old_days(), retention.old_rows()
            gone = sum(day.reason is None for day in days)
            scope = f"keep_days={keep_days} days={gone} rows={sum(rows.values())}"
            retention.note(actor(), scope, reason.strip() or None)
            _run(retention, json)


def _agreed(retention: Retention, wanted: int, *, dry_run: bool) -> int:
    """Return how many days are kept. Raise UsageError if the setting names fewer, or if everything is kept."""
    keep_days = retention.period.days() if dry_run else retention.period.agreed_days()
    if not dry_run and keep_days != wanted:
        kept = f"{keep_days} days" if keep_days else "all days"
        raise UsageError(
            f"NOTIFIER_KEEP_DAYS is {wanted}, and another process was told to keep {kept}: set that here, too, or "
            "keep fewer from now on with --shorten --reason WHY"
        )
    if not keep_days:
        raise UsageError("NOTIFIER_KEEP_DAYS is 0 here or was 0 for another process: everything is kept")
    return keep_days


def _print_plan(retention: Retention, keep_days: int, json: bool) -> None:
    days, rows = retention.old_days(), retention.old_rows()
    if json:
        print_json({"keep_days": keep_days, "days": [asdict(day) for day in days], "rows": rows})
        return
    print_table(
        f"Days older than {keep_days} days",
        [_line(day) for day in days],
        ("day", "deliveries", "bytes", "what"),
        f"No day is older than {keep_days} days.",
    )
    print_table(
        "Rows that would be deleted",
        [{"table": name, "rows": count} for name, count in rows.items()],
        ("table", "rows"),
        "",
    )


def _line(day: OldDay) -> dict[str, object]:
    return {**asdict(day), "what": "goes" if day.reason is None else f"stays: {day.reason}"}


def _run(retention: Retention, json: bool) -> None:
    emptied: list[str] = []
    dropped: list[str] = []
    deleted: dict[str, int] = {}
    while done := retention.run_once():
        emptied += map(str, done.emptied)
        dropped += map(str, done.dropped)
        for each in done.dropped:
            say(f"dropped {each}", err=True)
        for table, count in done.deleted.items():
            deleted[table] = deleted.get(table, 0) + count
    stays = [day for day in retention.old_days() if day.reason is not None]
    if json:
        print_json(
            {"emptied": emptied, "dropped": dropped, "deleted": deleted, "kept": [asdict(day) for day in stays]}
        )
        return
    say(f"{len(dropped):,} days dropped; rows deleted: {sum(deleted.values()):,}")
    for day in stays:
        say(f"{day.day} stays: {day.reason}")
