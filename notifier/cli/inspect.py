"""`notifier status`, `list`, `show`, `shards`, `audit`: look, and change nothing but what is acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from notifier import wire
from notifier.cli.output import Json, connected, masked, print_json, print_table, report, shown
from notifier.cli.timeline import timeline
from notifier.cli.window import History, Since, tell_window, utc, window_start
from notifier.errors import UsageError
from notifier.lag import ALARM_SECONDS, WARNING_SECONDS
from notifier.notifications import Status

if TYPE_CHECKING:
    from notifier.outbox import Report

_HIDDEN = "the record and the last traceback; --reveal shows them"
_IMAGES = {"NewImage": "attributes", "OldImage": "old_attributes"}


def status(json: Json = False) -> None:
    """How many notifications stand where, per channel; which channels are stopped; and which days are over age."""
    from notifier.settings import load_database_settings

    keep_days = load_database_settings().keep_days
    with report() as outbox:
        now = outbox.now()
        rows = [{**row, "oldest_seconds": round((now - row["oldest"]).total_seconds(), 1)} for row in outbox.counts()]
        stopped = [asdict(each) for each in outbox.channels() if not each.runs]
        days = outbox.days(keep_days)
    if json:
        print_json({"deliveries": rows, "stopped": stopped, "days": asdict(days) | {"keep_days": keep_days}})
        return
    print_table("Deliveries", rows, ("channel", "status", "deliveries", "oldest"), "No notification yet.")
    if stopped:
        print_table("Stopped channels", stopped, ("channel", "state", "reason", "actor", "changed_at"), "")
    if days.overdue:
        why = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(days.overdue.items()))
        typer.echo(
            f"days older than NOTIFIER_KEEP_DAYS={keep_days} that are kept: {why}; see: notifier retain --dry-run"
        )


def list_(
    status: Annotated[str, typer.Option(help="pending, sent, failed, unknown, ...")] = "",
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    route: Annotated[str, typer.Option(help="Only this route.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    since: Since = None,
    everything: History = False,
    reveal: Annotated[bool, typer.Option(help="Show recipients in full.")] = False,
    json: Json = False,
) -> None:
    """Notifications, newest first."""
    if status and status not in set(Status):
        raise UsageError(f"no status is called {status!r}; there are {', '.join(Status)}")
    with report() as outbox:
        start = window_start(utc(since), outbox.now(), everything)
        found = outbox.deliveries(status=status, channel=channel, route=route, since=start, limit=limit)
    rows = [_masked(row, reveal) for row in found]
    if json:
        print_json({"notifications": rows, "since": start})
        return
    columns = ("notification_id", "route", "status", "attempt", "recipient", "recorded_at", "reason")
    print_table("Notifications", rows, columns, "None.")
    if len(rows) < limit:
        tell_window(start, since)


def show(
    notification: Annotated[str, typer.Argument(help="Its id.")],
    reveal: Annotated[
        bool, typer.Option(help="Show the recipient, the record and the last traceback in full.")
    ] = False,
    json: Json = False,
) -> None:
    """One notification: where it comes from, where it stands, and how it came there."""
    try:
        id_ = UUID(notification)
    except ValueError:
        raise UsageError(f"{notification!r} is not the id of a notification") from None
    with report() as outbox:
        row = outbox.show(id_)
        events = outbox.events(id_)
        feedback = outbox.feedback(id_)
    if row is None:
        raise UsageError(f"there is no notification {id_}")
    facts = {name: value for name, value in _masked(row, reveal).items() if name != "record"} | _item(row["record"])
    history = timeline(facts, events, feedback)
    full = {"record": _text(row["record"]), "traceback": _traceback(events)} if reveal else {"hidden": _HIDDEN}
    if json:
        print_json({**facts, **full, "timeline": history})
        return
    print_table("Notification", [{"what": n, "value": v} for n, v in facts.items()], ("what", "value"), "")
    print_table("Timeline", history, ("at", "change", "attempt", "actor", "reason"), "Nothing happened yet.")
    for name, value in full.items():
        if value:
            typer.echo(f"\n{name}: {value}")


def shards(json: Json = False) -> None:
    """The streams' shards as a tree: who reads them, how far behind, and what became of their records."""
    from notifier.outbox import Reading, Report

    with connected() as engine:
        outbox = Report(engine)
        rows, gaps = outbox.shards(), outbox.gaps()
        waiting = [asdict(each) for each in Reading(engine).waiting()]
    if json:
        print_json({"shards": rows, "gaps": gaps, "waiting": waiting})
        return
    columns = ("shard", "table_name", "state", "owner", "lag", "checkpoint", "records_read", "records_notified",
               "records_unrouted", "records_quarantined")  # fmt: skip
    lines = [{**row, "lag": lag_in_words(row["lag_seconds"])} for row in as_tree(rows)]
    print_table("Shards", lines, columns, "No shard is known yet: is a bridge running?")
    if gaps:
        print_table("Gaps", gaps, ("shard_id", "after_sequence_number", "after_record_at", "reason"), "")
    if waiting:
        lines = [{**row, "waits": lag_in_words(row["seconds"])} for row in waiting]
        print_table("Streams that wait for an older one", lines, ("table", "stream", "waits_for", "waits"), "")
        typer.echo("An old stream that does not end is given up with: notifier let-go --stream ARN --reason WHY")


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
    json: Json = False,
) -> None:
    """Prove that every record is accounted for. Exit 1 where something does not add up."""
    from notifier.outbox.totals import balances

    with report() as outbox:
        if acknowledge_gaps:
            _acknowledge(outbox)
        if acknowledge_duplicates:
            typer.echo(f"{outbox.acknowledge_duplicates():,} duplicates acknowledged", err=True)
        if acknowledge_quarantine:
            typer.echo(f"{outbox.acknowledge_quarantine():,} records in quarantine acknowledged", err=True)
        rows, stranded = outbox.audit()
        quarantined = outbox.quarantine()
        gaps = outbox.gaps()
        duplicates = outbox.duplicates()
        aside = outbox.aside()
    lines = [{**row, "balanced": balances(row)} for row in rows]
    good = all(line["balanced"] for line in lines) and not stranded and not gaps and not duplicates
    if json:
        found = {"stranded": stranded, "gaps": gaps, "duplicates": duplicates, **aside}
        print_json({"balanced": good, "shards": lines, **found})
    else:
        columns = ("shard_id", "records_read", "notifications", "records_unrouted", "quarantine", "balanced")
        print_table("read = notified + unrouted + quarantined", lines, columns, "No shard is known yet.")
        print_table("Quarantine", quarantined, ("id", "shard_id", "sequence_number", "error"), "Quarantine is empty.")
        print_table(
            "Gaps", gaps, ("shard_id", "after_sequence_number", "reason"), "No record was lost before it was read."
        )
        print_table("Stranded", stranded, ("notification_id", "status"), "No delivery is stranded.")
        told = ("notification_id", "message_id", "detected_at")
        print_table("Duplicates", duplicates, told, "The provider's events tell of no duplicate.")
        print_table("Kept apart", [aside], tuple(aside), "")
    if not good:
        raise typer.Exit(1)


def _acknowledge(outbox: "Report") -> None:
    """Acknowledge what is told, and only that: a gap that opens meanwhile stays open."""
    gaps = outbox.gaps()
    for gap in gaps:
        typer.echo(
            f"acknowledging: {gap['shard_id']} after {gap['after_sequence_number']}: {gap['reason']}", err=True
        )
    typer.echo(f"{outbox.acknowledge(gaps):,} gaps acknowledged", err=True)


def _masked(row: Mapping[str, Any], reveal: bool) -> dict[str, Any]:
    return {**row, "recipient": row["recipient"] if reveal else masked(row["recipient"])}


def as_tree(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The shards with each child under its parent; `shard` is the name, indented by generation."""
    known = {(row["table_name"], row["shard_id"]) for row in rows}
    children: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for row in rows:
        parent = row["parent_shard_id"] if (row["table_name"], row["parent_shard_id"]) in known else None
        children.setdefault((row["table_name"], parent), []).append(row)
    lines: list[dict[str, Any]] = []
    waiting = [(0, row) for table in sorted({row["table_name"] for row in rows}, reverse=True)
               for row in reversed(children.get((table, None), []))]  # fmt: skip
    while waiting:
        depth, row = waiting.pop()
        lines.append({**row, "shard": ("  " * (depth - 1) + "└ " if depth else "") + row["shard_id"]})
        below = children.pop((row["table_name"], row["shard_id"]), [])
        waiting += [(depth + 1, child) for child in reversed(below)]
    return lines


def lag_in_words(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    mark = " ALARM" if seconds >= ALARM_SECONDS else " warning" if seconds >= WARNING_SECONDS else ""
    return f"{seconds:,.0f} s{mark}"


def _item(record: bytes) -> dict[str, Any]:
    """Which item it was: its keys, and the names of its attributes. No value else: those may be personal data."""
    try:
        change = wire.parse(bytes(record))["dynamodb"]
        keys = {name: value for name, typed in change["Keys"].items() for value in typed.values()}
        names = {ours: sorted(change[theirs]) for theirs, ours in _IMAGES.items() if theirs in change}
    except (ValueError, LookupError, TypeError, AttributeError):  # --reveal shows what there is instead
        return {}
    return {"keys": keys, **names}


def _traceback(events: Sequence[Mapping[str, Any]]) -> str | None:
    """The last one, with the number of all: a retry that fails as before says nothing new."""
    told = [event for event in events if event["detail"]]
    if not told:
        return None
    count = f"the last of {len(told)}, " if len(told) > 1 else ""
    return f"{count}{shown(told[-1]['at'])}, {told[-1]['status_to']}\n{told[-1]['detail']}"


def _text(record: bytes) -> str:
    return bytes(record).decode("utf-8", "replace")
