"""`notifier let-go`, `rewind`: what operators do to streams, each time with a reason for the journal."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from notifier.cli.actor import actor
from notifier.cli.connection import connected
from notifier.cli.options.reason import Reason, given
from notifier.cli.options.window import moment
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError
from notifier.outbox import LettingGo, RewindRequests, RewindTarget

_LOOK_SECONDS = 0.5


def let_go(
    reason: Reason,
    stream: Annotated[str, typer.Option(help="ARN of an old stream that a newer one of its table waits for.")] = "",
    table: Annotated[str, typer.Option(help="A table that no bridge reads any more.")] = "",
    json: Json = False,
) -> None:
    """Give up an old stream that does not end, or a table that is not read any more. Unread records are a gap.

    An old stream is given up for good. A table is read on where it stood when a bridge has it in NOTIFIER_TABLES
    again, as far as DynamoDB still keeps its records (24 hours).
    """
    if bool(stream) == bool(table):
        raise UsageError("say one of --stream ARN, --table NAME")
    why = given(reason)
    with connected() as engine:
        letting_go = LettingGo(engine, actor=actor())
        shards = letting_go.stream(stream, why) if stream else letting_go.table(table, why)
    if json:
        print_json({"let_go": stream or table, "shards": shards})
    else:
        say(f"{stream or table} is let go; {shards:,} shards were not read to their end: see notifier audit")


def rewind(
    table: Annotated[str, typer.Option(help="All shards of this table.")] = "",
    shard: Annotated[str, typer.Option(help="Only this shard.")] = "",
    to: Annotated[
        str, typer.Option(help="A time (UTC), as 2026-01-31T12:00:00; `oldest`: all that the stream still has.")
    ] = "oldest",
    *,
    reason: Reason = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be read; change nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it is done, or pauses after an error.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel rewinds that have not ended.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the last rewinds and their progress.")] = False,
    json: Json = False,
) -> None:
    """Read shards again, so that records that matched no route become notifications of a route that was added since.

    Records that have a notification get those that are missing of routes beside their owner (`exclusive=False`). A
    bridge that has a route for the table does it, beside its reading. Existing notifications stay as they are;
    records in quarantine that can be parsed now leave it. Restart the bridges with the new routes first. A stream
    keeps its records for 24 hours.
    """
    with connected() as engine:
        requests = RewindRequests(engine, actor=actor())
        if list_:
            _show_rewinds(requests, json)
            return
        if not table and not shard:
            raise UsageError("say which: --table NAME or --shard ID; --list shows the last ones")
        target = RewindTarget(table, shard, _moment(to))
        if dry_run:
            _show_plan(requests, target, json)
            return
        if not (why := reason.strip()):
            raise UsageError("--reason is missing: give a reason; it is stored in the journal")
        if cancel:
            count = requests.cancel(target, why)
            print_json({"cancelled": count}) if json else say(f"{count:,} rewinds cancelled")
            return
        plan, ids = requests.plan(target), requests.ask(target, why)
        paused = _waited(requests, ids) if wait else 0
        rows = [row for row in requests.recent(len(ids) + 50) if row["id"] in set(ids)]
        if json:
            print_json({"shards": len(ids), **_sums(plan), "rewinds": rows})
        elif wait:
            _show_rewinds(requests, json=False, paused=paused)
        else:
            say(f"{len(ids):,} shards will be read again: {_words(plan)}; see: notifier rewind --list")
    if wait and any(row["state"] != "done" for row in rows):
        raise typer.Exit(1)


def _waited(requests: RewindRequests, ids: list[int]) -> int:
    """Wait until the rewinds have ended, or some of them pause after an error; return how many pause."""
    while requests.open(ids):
        if paused := requests.paused(ids):
            return paused
        time.sleep(_LOOK_SECONDS)
    return 0


def _show_plan(requests: RewindRequests, target: RewindTarget, json: bool) -> None:
    plan = requests.plan(target)
    if json:
        print_json({"would": "rewind", "shards": plan, **_sums(plan)})
        return
    columns = ("table", "shard_id", "state", "until", "unrouted", "quarantined", "notified")
    print_table(
        "Shards that would be read again",
        plan,
        columns,
        "No shard has records that could get a route.",
        spare=("until", "table"),
    )


def _show_rewinds(requests: RewindRequests, json: bool, paused: int = 0) -> None:
    rows = requests.recent()
    if json:
        print_json({"rewinds": rows})
        return
    columns = ("id", "table", "shard_id", "state", "examined", "routed", "released", "asked_at", "reason")
    spare = ("asked_at", "table", "released", "examined", "routed")
    print_table("Rewinds", rows, columns, "None.", spare=spare)
    for row in rows:
        if row["error"]:
            say(f"{row['shard_id']}: {row['error']}")
    if paused:
        say(f"{paused:,} rewinds pause after an error, and are tried again: see notifier rewind --list")


def _words(plan: Sequence[Mapping[str, Any]]) -> str:
    return "{unrouted:,} records are unrouted, {quarantined:,} in quarantine, {notified:,} notified".format(
        **_sums(plan)
    )


def _sums(plan: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {name: sum(row[name] for row in plan) for name in ("unrouted", "quarantined", "notified")}


def _moment(to: str) -> datetime | None:
    """Return the time that `--to` names, None for `oldest`. Raise UsageError if it is neither."""
    if to == "oldest":
        return None
    try:
        return moment(to)
    except typer.BadParameter:
        raise UsageError(f"--to {to!r} is neither a time, as 2026-01-31T12:00:00, nor `oldest`") from None
