"""`notifier audit`: whether every record is accounted for, and whether somebody has to act."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifier.cli.options.reason import Reason
from notifier.cli.options.window import DEFAULT_DAYS
from notifier.cli.terminal.output import Json, connected, operator, print_json, say
from notifier.cli.terminal.table import print_table

if TYPE_CHECKING:
    from notifier.database.engine import Engine

_REPORT_SECONDS = 300  # it may have all of history to count


def audit(
    acknowledge_gaps: Annotated[
        bool, typer.Option("--acknowledge-gaps", help="The gaps that are open now are known: count them no more.")
    ] = False,
    acknowledge_duplicates: Annotated[
        bool, typer.Option("--acknowledge-duplicates", help="The duplicates found until now are known.")
    ] = False,
    acknowledge_quarantine: Annotated[
        bool, typer.Option("--acknowledge-quarantine", help="The records in quarantine are known.")
    ] = False,
    acknowledge_failures: Annotated[
        bool, typer.Option("--acknowledge-failures", help="The errors of routes until now are known.")
    ] = False,
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Prove that every record is accounted for, and that no route fails. Exit 1 where something is to be done."""
    from notifier.outbox import Report
    from notifier.outbox.operator.totals import balances

    with connected(_REPORT_SECONDS) as engine:
        _acknowledge(
            engine,
            reason.strip() or None,
            gaps=acknowledge_gaps,
            duplicates=acknowledge_duplicates,
            quarantine=acknowledge_quarantine,
            failures=acknowledge_failures,
        )
        outbox = Report(engine)
        rows, stranded = outbox.audit()
        quarantined = outbox.quarantine()
        found = {"stranded": stranded, "gaps": outbox.gaps(), "duplicates": outbox.duplicates()}
        failing = outbox.failing(DEFAULT_DAYS)
        aside = outbox.problem_counts()
    lines = [{**row, "balanced": balances(row)} for row in rows]
    balanced = all(line["balanced"] for line in lines) and not any(found.values())
    if json:
        print_json({"balanced": balanced, "shards": lines, **found, "failing": failing, **aside})
    else:
        _print(lines, quarantined, found, failing)
        print_table("Kept apart", [aside], tuple(aside), "")
    if not balanced or failing:
        raise typer.Exit(1)


def _print(
    lines: list[dict[str, Any]],
    quarantined: list[dict[str, Any]],
    found: Mapping[str, list[dict[str, Any]]],
    failing: list[dict[str, Any]],
) -> None:
    columns: tuple[str, ...] = (
        "shard_id",
        "records_read",
        "notifications",
        "records_unrouted",
        "quarantine",
        "balanced",
    )
    title = "read = notified + unrouted + quarantined"
    print_table(title, lines, columns, "No shard is known yet.", spare=("quarantine", "records_unrouted"))
    columns = ("id", "shard_id", "sequence_number", "error")
    print_table("Quarantine", quarantined, columns, "Quarantine is empty.", spare=("sequence_number", "shard_id"))
    columns = ("shard_id", "after_sequence_number", "reason")
    nothing = "No record was lost before it was read."
    print_table("Gaps", found["gaps"], columns, nothing, spare=("after_sequence_number",))
    print_table("Stranded", found["stranded"], ("notification_id", "status"), "No delivery is stranded.")
    columns = ("notification_id", "message_id", "detected_at")
    nothing = "The provider's events tell of no duplicate."
    print_table("Duplicates", found["duplicates"], columns, nothing, spare=("detected_at", "message_id"))
    columns = ("route", "failed", "retried", "newest_id", "channel", "newest_reason")
    nothing = f"No route fails, of events of the last {DEFAULT_DAYS} days."
    print_table("Routes that fail", failing, columns, nothing, spare=("channel",))
    if failing:
        newest = failing[0]["newest_id"]
        say(f"see: notifier show {newest} --reveal; then mend the route, restart the workers, and: notifier redrive")


def _acknowledge(
    engine: "Engine", reason: str | None, *, gaps: bool, duplicates: bool, quarantine: bool, failures: bool
) -> None:
    """Acknowledge what is told, and only that: a gap that opens meanwhile stays open."""
    from notifier.outbox import Acknowledgements, Report

    acknowledging = Acknowledgements(engine, actor=operator())
    if gaps:
        open_ = Report(engine).gaps()
        for gap in open_:
            told = f"{gap['shard_id']} after {gap['after_sequence_number']}: {gap['reason']}"
            say(f"acknowledging: {told}", err=True)
        say(f"{acknowledging.gaps(open_, reason):,} gaps acknowledged", err=True)
    if duplicates:
        say(f"{acknowledging.duplicates(reason):,} duplicates acknowledged", err=True)
    if quarantine:
        say(f"{acknowledging.quarantine(reason):,} records in quarantine acknowledged", err=True)
    if failures:
        known = Report(engine).failing(DEFAULT_DAYS)
        acknowledging.failures(known, reason)
        say(f"the errors of {len(known):,} routes acknowledged", err=True)
