"""Records that could not be understood, or whose table had no route: list, show, replay them."""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from bridge.quarantine.judgement import judged
from notifier.cli.actor import actor
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.reason import Reason, given
from notifier.cli.options.reveal import UNSAID, Why, reveals
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_facts, print_table
from notifier.errors import UsageError
from notifier.outbox import Quarantine, QuarantineSelection, Replayed
from notifier.preview.settings import preview_settings
from notifier.routes.loading import load_routes, shadowed
from notifier.settings import load_database_settings
from notifier.status_updates import wanted_of

quarantine = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ids, as `list` shows them.")]
TableOption = Annotated[str, typer.Option("--table", help="Only records of this table.")]
ShardOption = Annotated[str, typer.Option("--shard", help="Only records of this shard.")]
Because = Annotated[str, typer.Option("--because", help="Only records whose error contains this text.")]
Acknowledged = Annotated[bool, typer.Option("--acknowledged", help="Also records that are acknowledged.")]


@quarantine.command("list")
def list_(
    *,
    table: TableOption = "",
    shard: ShardOption = "",
    because: Because = "",
    acknowledged: Acknowledged = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most records to show.")] = 50,
    json: Json = False,
) -> None:
    """Records in quarantine, the newest first."""
    selection = QuarantineSelection((), table, shard, because, acknowledged)
    with connected() as engine:
        rows = Quarantine(engine, actor=actor()).newest(selection, limit)
    if json:
        print_json({"quarantine": rows})
        return
    columns = ("id", "table_name", "shard_id", "sequence_number", "quarantined_at", "error")
    print_table("Quarantine", rows, columns, "None.", spare=("sequence_number", "quarantined_at", "shard_id"))


@quarantine.command("show")
def show(
    record: Annotated[int, typer.Argument(metavar="ID")],
    reveal: Annotated[bool, typer.Option(help="Show the record itself; it is journaled.")] = False,
    why: Why = "",
    json: Json = False,
) -> None:
    """One record, with its error."""
    with connected() as engine:
        row = Quarantine(engine, actor=actor()).show(record)
        if row is not None and reveal:
            reveals(engine).note(f"quarantine {record}", why.strip() or UNSAID)
    if row is None:
        raise UsageError(f"there is no record {record} in quarantine; see: notifier quarantine list --acknowledged")
    facts = {name: value for name, value in row.items() if name not in ("record", "shard")}
    text = bytes(row["record"]).decode("utf-8", "replace")
    if json:
        print_json(facts | ({"record": text} if reveal else {}))
        return
    print_facts("Quarantined record", facts)
    say(text if reveal else "hidden: the record; --reveal shows it")


@quarantine.command("replay")
def replay(
    reason: Reason,
    records: Ids = None,
    *,
    table: TableOption = "",
    shard: ShardOption = "",
    because: Because = "",
    acknowledged: Acknowledged = False,
    everything: Annotated[bool, typer.Option("--all", help="All records, if no other option selects.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do; change nothing.")] = False,
    json: Json = False,
) -> None:
    """Classify records again by the routes of NOTIFIER_ROUTES: each becomes a notification under the id
    that it would have had, or is unrouted. A record that cannot be understood yet stays.

    Exit 1 if a record stays.
    """
    why = given(reason)
    selection = QuarantineSelection(tuple(records or ()), table, shard, because, acknowledged)
    if selection == QuarantineSelection(acknowledged=acknowledged) and not everything:
        raise UsageError("name ids, or select by an option; --all means all of them")
    settings = preview_settings()
    if not settings.routes:
        raise UsageError("NOTIFIER_ROUTES is not set: the records are judged by the routes of that module")
    routes = shadowed(load_routes(settings.routes).asking_for(wanted_of(settings.status_updates)), settings)
    judge = partial(
        judged,
        routes=routes,
        not_before=settings.not_before or datetime.min.replace(tzinfo=UTC),
    )
    done = Replayed()
    with connected(LONG_SECONDS) as engine:
        kept = Quarantine(engine, actor=actor(), keep_days=load_database_settings().keep_days)
        if dry_run:
            done = kept.judge(selection, judge)
        else:
            for done in kept.replay(selection, judge, why, routes.beside):
                say(f"{done.notified + done.unrouted:,} replayed", err=True)
    _print(done, json, dry_run)
    if done.errors or done.too_old:
        raise typer.Exit(1)


def _print(done: Replayed, json: bool, dry_run: bool) -> None:
    if json:
        print_json(asdict(done) | {"errors": dict(done.errors), "dry_run": dry_run})
        return
    would = "would become" if dry_run else "became"
    say(f"{done.notified:,} {would} notifications, {done.unrouted:,} match no route")
    if done.notifications > done.notified:
        say(f"{done.notifications:,} notifications in all: routes beside the owner claim some of the records too")
    if done.too_old:
        say(f"{done.too_old:,} stay: their days are not kept any more (NOTIFIER_KEEP_DAYS)")
    for error, count in done.errors.most_common():
        say(f"{count:,} stay: {error}")
