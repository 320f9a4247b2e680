"""`notifier status`, `list`, `show`, `shards`, `audit`: look, change nothing."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from notifier.cli.output import Json, masked, print_json, print_table, report
from notifier.errors import UsageError
from notifier.notifications import Status


def status(json: Json = False) -> None:
    """How many notifications stand where, per channel."""
    with report() as outbox:
        now = outbox.now()
        rows = [{**row, "oldest_seconds": round((now - row["oldest"]).total_seconds(), 1)} for row in outbox.counts()]
    if json:
        print_json({"deliveries": rows})
    else:
        print_table("Deliveries", rows, ("channel", "status", "deliveries", "oldest"), "No notification yet.")


def list_(
    status: Annotated[str, typer.Option(help="pending, sent, failed, unknown, ...")] = "",
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    route: Annotated[str, typer.Option(help="Only this route.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    reveal: Annotated[bool, typer.Option(help="Show recipients in full.")] = False,
    json: Json = False,
) -> None:
    """Notifications, newest first."""
    if status and status not in set(Status):
        raise UsageError(f"no status is called {status!r}; there are {', '.join(Status)}")
    with report() as outbox:
        found = outbox.deliveries(status=status, channel=channel, route=route, limit=limit)
    rows = [_masked(row, reveal) for row in found]
    if json:
        print_json({"notifications": rows})
    else:
        columns = ("notification_id", "route", "status", "attempt", "recipient", "recorded_at", "reason")
        print_table("Notifications", rows, columns, "None.")


def show(
    notification: Annotated[str, typer.Argument(help="Its id.")],
    reveal: Annotated[bool, typer.Option(help="Show the recipient in full.")] = False,
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
    if row is None:
        raise UsageError(f"there is no notification {id_}")
    facts = {name: value for name, value in _masked(row, reveal).items() if name != "record"}
    timeline = _timeline(facts, events)
    if json:
        print_json({**facts, "record": _text(row["record"]), "timeline": timeline})
        return
    print_table("Notification", [{"what": n, "value": v} for n, v in facts.items()], ("what", "value"), "")
    print_table("Timeline", timeline, ("at", "change", "attempt", "actor", "reason"), "Nothing happened yet.")
    for event in events:
        if event["detail"]:
            typer.echo(f"\n{event['at']:%Y-%m-%d %H:%M:%S} {event['status_to']}\n{event['detail']}")


def shards(json: Json = False) -> None:
    """The streams' shards: who reads them, how far, and what became of their records."""
    with report() as outbox:
        rows = outbox.shards()
        now = outbox.now()
    lines = [{**row, "owner": row["owner"] if row["leased"] else None, "lag": _lag(row, now)} for row in rows]
    if json:
        print_json({"shards": lines})
    else:
        columns = ("table_name", "shard_id", "state", "owner", "lag", "records_read", "records_notified",
                   "records_unrouted", "records_quarantined")  # fmt: skip
        print_table("Shards", lines, columns, "No shard is known yet: is a bridge running?")


def audit(json: Json = False) -> None:
    """Prove that every record is accounted for. Exit 1 where something does not add up."""
    with report() as outbox:
        rows, stranded = outbox.audit()
        quarantined = outbox.quarantine()
    lines = [{**row, "balanced": _balanced(row)} for row in rows]
    good = all(line["balanced"] for line in lines) and not stranded
    if json:
        print_json({"balanced": good, "shards": lines, "stranded": [dict(row) for row in stranded]})
    else:
        columns = ("shard_id", "records_read", "notifications", "records_unrouted", "quarantine", "balanced")
        print_table("read = notified + unrouted + quarantined", lines, columns, "No shard is known yet.")
        print_table("Quarantine", quarantined, ("id", "shard_id", "sequence_number", "error"), "Quarantine is empty.")
        print_table("Stranded", stranded, ("notification_id", "status"), "No delivery is stranded.")
    if not good:
        raise typer.Exit(1)


def _balanced(row: Mapping[str, Any]) -> bool:
    accounted = row["notifications"] + row["records_unrouted"] + row["quarantine"]
    return bool(row["records_read"] == accounted and row["records_notified"] == row["notifications"])


def _masked(row: Mapping[str, Any], reveal: bool) -> dict[str, Any]:
    return {**row, "recipient": row["recipient"] if reveal else masked(row["recipient"])}


def _lag(row: Mapping[str, Any], now: Any) -> str:
    if row["state"] != "open":
        return "-"
    last = row["last_record_at"]
    return "no record yet" if last is None else f"last record {(now - last).total_seconds():,.0f} s ago"


def _timeline(facts: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every change, oldest first: the recorded events, and what the row itself says of the last attempt."""
    lines = [_line(facts["recorded_at"], "recorded", None, "bridge", None)]
    for event in events:
        if event["begun_at"] and event["status_from"] == Status.SENDING:
            lines.append(_line(event["begun_at"], "pending → sending", event["attempt"], event["actor"], None))
        change = f"{event['status_from']} → {event['status_to']}"
        lines.append(_line(event["at"], change, event["attempt"], event["actor"], event["reason"]))
    if facts["status"] in (Status.SENDING, Status.SENT):
        lines.append(_line(facts["begun_at"], "pending → sending", facts["attempt"], "worker", None))
    if facts["status"] == Status.SENT:
        lines.append(_line(facts["ended_at"], "sending → sent", facts["attempt"], "worker", None))
    if facts["status"] == Status.SKIPPED:
        lines.append(_line(facts["ended_at"], "pending → skipped", None, "worker", facts["reason"]))
    return sorted(lines, key=lambda line: line["at"])


def _line(at: Any, change: str, attempt: int | None, actor: str, reason: str | None) -> dict[str, Any]:
    return {"at": at, "change": change, "attempt": attempt, "actor": actor, "reason": reason}


def _text(record: bytes) -> str:
    return bytes(record).decode("utf-8", "replace")
