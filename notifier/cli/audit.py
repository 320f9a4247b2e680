"""`notifier audit`: whether every record is accounted for, and whether an operator has to act."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import Annotated, Any

import typer

from notifier.cli.actor import actor
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.reason import Reason
from notifier.cli.options.window import moment
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.database.engine import Engine
from notifier.errors import UsageError
from notifier.operating.times import DEFAULT_DAYS
from notifier.outbox import Acknowledgements, Report
from notifier.outbox.operator.totals import balances

_TERMS = {
    "shard_id": "shard_id",
    "read": "records_read",
    "notified": "notified",
    "unrouted": "records_unrouted",
    "quarantined": "quarantine",
    "notifications": "notifications",
    "balanced": "balanced",
}
"""The columns of the table of shards, and the columns of the report that they show."""


def audit(
    acknowledge_gaps: Annotated[
        bool, typer.Option("--acknowledge-gaps", help="Acknowledge the gaps that are open now: they no longer count.")
    ] = False,
    acknowledge_duplicates: Annotated[
        bool, typer.Option("--acknowledge-duplicates", help="Acknowledge the duplicates found so far.")
    ] = False,
    acknowledge_quarantine: Annotated[
        bool, typer.Option("--acknowledge-quarantine", help="Acknowledge the records in quarantine.")
    ] = False,
    acknowledge_dead_letters: Annotated[
        bool, typer.Option("--acknowledge-dead-letters", help="Acknowledge the dead letters so far.")
    ] = False,
    acknowledge_failures: Annotated[
        bool, typer.Option("--acknowledge-failures", help="Acknowledge the errors of routes so far.")
    ] = False,
    until: Annotated[
        datetime | None,
        typer.Option(
            help="Acknowledge only what there was at this time (UTC): that of an audit's output. Default: now.",
            show_default=False,
            parser=moment,
            metavar="TIME",
        ),
    ] = None,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Prove that every record is accounted for, and that no route fails. Exit 1 if one is not, or one does.

    It reads all rows of the days that are not counted yet, which takes about a second for each million.
    """
    with connected(LONG_SECONDS) as engine:
        _acknowledge(
            engine,
            reason.strip() or None,
            until,
            gaps=acknowledge_gaps,
            duplicates=acknowledge_duplicates,
            quarantine=acknowledge_quarantine,
            dead_letters=acknowledge_dead_letters,
            failures=acknowledge_failures,
        )
        report = Report(engine)
        at = report.now()
        rows, stranded = report.audit()
        quarantined, dead = report.quarantine(), report.dead_letters()
        found = {"stranded": stranded, "gaps": report.gaps(), "duplicates": report.duplicates()}
        failing = report.failing(DEFAULT_DAYS)
        aside = report.problem_counts()
    lines = [{**row, "balanced": balances(row)} for row in rows]
    balanced = all(line["balanced"] for line in lines) and not any(found.values())
    if json:
        print_json({"at": at, "balanced": balanced, "shards": lines, **found, "failing": failing, **aside})
    else:
        _print(lines, quarantined, found, failing)
        columns = ("id", "received_at", "error")
        nothing = "No message of the feedback queue is unusable."
        print_table("Dead letters", dead, columns, nothing, spare=("received_at",))
        print_table("Kept apart", [aside], tuple(aside), "")
        if quarantined or dead or failing or found["gaps"] or found["duplicates"]:
            say("To acknowledge what is above and nothing that came later:")
            say(f"--until {at.astimezone(UTC).isoformat()}")
    if not balanced or failing:
        raise typer.Exit(1)


def _print(
    lines: Sequence[Mapping[str, Any]],
    quarantined: list[dict[str, Any]],
    found: Mapping[str, list[dict[str, Any]]],
    failing: list[dict[str, Any]],
) -> None:
    terms = [{name: line[source] for name, source in _TERMS.items()} for line in lines]
    title = "read = notified + unrouted + quarantined"
    print_table(
        title, terms, tuple(_TERMS), "No shard is known yet.", spare=("notifications", "balanced", "shard_id")
    )
    columns: tuple[str, ...] = ("id", "shard_id", "sequence_number", "error")
    print_table("Quarantine", quarantined, columns, "Quarantine is empty.", spare=("sequence_number", "shard_id"))
    columns = ("shard_id", "after_sequence_number", "reason")
    nothing = "No record was lost before it was read."
    print_table("Gaps", found["gaps"], columns, nothing, spare=("after_sequence_number",))
    print_table("Stranded", found["stranded"], ("notification_id", "status"), "No delivery is stranded.")
    columns = ("notification_id", "message_id", "detected_at")
    nothing = "The provider's events show no duplicate."
    print_table("Duplicates", found["duplicates"], columns, nothing, spare=("detected_at", "message_id"))
    columns = ("route", "failed", "retried", "newest_id", "channel", "newest_reason")
    nothing = f"No route fails, of events of the last {DEFAULT_DAYS} days."
    print_table("Routes that fail", failing, columns, nothing, spare=("channel",))
    _print_remedy(failing)


def _print_remedy(failing: Sequence[Mapping[str, Any]]) -> None:
    """Print what to do about routes that fail, as commands that can be run as they are."""
    if not failing:
        return
    say(f"see: notifier show {failing[0]['newest_id']} --reveal; then correct the route and restart the workers")
    for route in dict.fromkeys(each["route"] for each in failing if each["failed"]):
        say(f"then: notifier redrive --route {quote(route)} --reason 'the route is corrected'")


def _acknowledge(
    engine: Engine,
    reason: str | None,
    until: datetime | None,
    *,
    gaps: bool,
    duplicates: bool,
    quarantine: bool,
    dead_letters: bool,
    failures: bool,
) -> None:
    """Acknowledge what there was at `until`, or is now, and only that: what comes meanwhile stays open."""
    if not (gaps or duplicates or quarantine or dead_letters or failures):
        if until:
            raise UsageError("--until says up to when to acknowledge: add what, as --acknowledge-quarantine")
        return
    acknowledgements, report = Acknowledgements(engine, actor=actor()), Report(engine)
    now = report.now()
    until = min(until or now, now)
    if gaps:
        open_ = [gap for gap in report.gaps() if gap["detected_at"] <= until]
        for gap in open_:
            where = f"{gap['shard_id']} after {gap['after_sequence_number']}"
            say(f"acknowledging: {where}: {gap['reason']}", err=True)
        say(f"{acknowledgements.gaps(open_, reason):,} gaps acknowledged", err=True)
    if duplicates:
        say(f"{acknowledgements.duplicates(until, reason):,} duplicates acknowledged", err=True)
    if quarantine:
        say(f"{acknowledgements.quarantine(until, reason):,} records in quarantine acknowledged", err=True)
    if dead_letters:
        say(f"{acknowledgements.dead_letters(until, reason):,} dead letters acknowledged", err=True)
    if failures:
        known = report.failing(DEFAULT_DAYS, until)
        acknowledgements.failures(known, until, reason)
        say(f"the errors of {len(known):,} routes acknowledged", err=True)
