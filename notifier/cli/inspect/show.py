"""`notifier status`, `show`, `shards`: read, and change nothing; `show --reveal` is journaled."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from shlex import quote
from typing import Annotated, Any

import typer

from notifier.cli.connection import LONG_SECONDS, connected, report
from notifier.cli.options.reveal import UNSAID, Why, reveals
from notifier.cli.terminal.output import Json, print_json, say, with_recipients
from notifier.cli.terminal.table import print_facts, print_table
from notifier.errors import UsageError
from notifier.operating.details import item_outline, last_traceback, shadow_subject
from notifier.operating.ids import resolved
from notifier.operating.shards import generations
from notifier.operating.timeline import facts_in_words, line_in_words, timeline
from notifier.outbox import Report, StreamStatus
from notifier.outbox.stream.status import ALARM_SECONDS, WARNING_SECONDS
from notifier.settings import load_database_settings

_DEEPEST = 4
_HIDDEN = "the record and the last traceback; --reveal shows them"


def status(json: Json = False) -> None:
    """Notifications by channel and status, lanes; stopped channels, parked tenants; missing routes; records without a
    route; status updates that wait; days kept too long.
    """
    keep_days = load_database_settings().keep_days
    with report() as outbox:
        now = outbox.now()
        rows = [_with_age(row, now) for row in outbox.estimates()]
        stopped = [asdict(each) for each in outbox.channels() if not each.runs]
        lanes = outbox.lanes()
        days = outbox.days(keep_days)
        updates = [asdict(each) for each in outbox.status_updates()]
        waiting = outbox.waiting()
        records = [asdict(each) for each in outbox.records()]
    if json:
        print_json(
            {
                "deliveries": rows,
                "stopped": stopped,
                "parked": waiting.parked,
                "missing_routes": waiting.routes,
                "records": [{name: row[name] for name in ("table", "read", "unrouted")} for row in records],
                "lanes": lanes,
                "days": asdict(days) | {"keep_days": keep_days},
                "status_updates": updates,
            }
        )
        return
    columns: tuple[str, ...] = ("channel", "status", "deliveries", "oldest")
    about = any(row["estimated"] for row in rows)
    title = "Deliveries, about: of days with many a sample is read" if about else "Deliveries"
    print_table(title, rows, columns, "No notification yet.", spare=("oldest",))
    if lanes:
        print_table("Waiting for a worker, by lane", lanes, ("channel", "lane", "waiting"), "")
    if stopped:
        columns = ("channel", "state", "reason", "actor", "changed_at")
        print_table("Stopped channels", stopped, columns, "", spare=("actor", "changed_at"))
    _print_parked(waiting.parked)
    _print_missing(waiting.routes)
    if updates:
        columns = ("destination", "waiting", "failing", "oldest", "accepted", "dropped", "error")
        nowhere = "none yet: does notifier status-sender run?"
        lines = [{**row, "destination": row["destination"] or nowhere} for row in updates]
        print_table("Status updates", lines, columns, "", spare=("dropped", "accepted", "oldest", "failing"))
    if unclaimed := [row for row in records if row["unrouted"]]:
        counts = ", ".join(f"{row['table']}: {row['unrouted']:,} of {row['read']:,}" for row in unclaimed)
        say(f"records that no route claims: {counts}; why: notifier routes --event - < FILE")
    if days.overdue:
        why = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(days.overdue.items()))
        say(f"days older than NOTIFIER_KEEP_DAYS={keep_days} that are kept: {why}; see: notifier retain --dry-run")


def _with_age(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {**row, "oldest_seconds": round((now - row["oldest"]).total_seconds(), 1)}


def _print_parked(parked: Sequence[Mapping[str, Any]]) -> None:
    """Print which parts of an account a provider refuses, and what to do about them."""
    if parked:
        columns = ("channel", "part", "deliveries", "oldest", "reason")
        print_table("Parked within a channel: only these wait", parked, columns, "", spare=("oldest",))
        say("correct it at the provider (notifier doctor): then they go on by themselves. Or give up what waits:")
        for row in parked:
            say(f"notifier cancel --channel {row['channel']} --because {quote(row['because'])} --reason WHY")


def _print_missing(routes: Sequence[Mapping[str, Any]]) -> None:
    """Print which routes workers do not have although deliveries wait for them, and what to do."""
    if not routes:
        return
    columns = ("route", "channel", "deliveries", "oldest")
    print_table("Waiting for a route that the workers do not have", routes, columns, "", spare=("oldest",))
    say("an hour after their events they fail. Put the route back and restart the workers, or give up what waits:")
    for route, because in dict.fromkeys((each["route"], each["because"]) for each in routes):
        say(f"notifier cancel --route {quote(route)} --because {quote(because)} --reason WHY")


def show(
    notification: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first characters of it.")],
    reveal: Annotated[
        bool, typer.Option(help="Show the recipient, the record and the last traceback in full.")
    ] = False,
    why: Why = "",
    json: Json = False,
) -> None:
    """One notification: the record it comes from, its status, and everything that happened to it.

    Control characters in an item or in a provider's answer are shown escaped, also with --reveal, which is a row of
    the journal.
    """
    with connected(LONG_SECONDS) as engine:
        outbox = Report(engine)
        (id_,) = resolved(outbox, [notification])
        row = reveals(engine).notification(id_, why.strip() or UNSAID) if reveal else outbox.show(id_)
        events = outbox.events(id_)
        feedback = outbox.feedback(id_)
    if row is None:
        raise UsageError(f"there is no notification {id_} any more")
    facts = {
        name: value for name, value in with_recipients(row, reveal=reveal).items() if name != "record"
    } | item_outline(row["record"])
    history = timeline(facts, events, feedback)
    full: dict[str, str | None] = {"hidden": _HIDDEN}
    if reveal:
        full = {
            "record": _text(row["record"]),
            "traceback": last_traceback(events),
            "subject": shadow_subject(events),
        }
    if json:
        print_json({**facts, **full, "timeline": history})
        return
    print_facts("Notification", facts_in_words(facts))
    columns = ("at", "change", "attempt", "actor", "reason")
    lines = [line_in_words(line) for line in history]
    print_table("Timeline", lines, columns, "Nothing happened yet.", spare=("attempt", "actor"))
    for name, value in full.items():
        if value:
            say(f"\n{name}: {value}")


def shards(json: Json = False) -> None:
    """The streams' shards as a tree: who reads them, how far behind, how many of their records were notified, and by
    how many notifications.
    """
    with connected() as engine:
        outbox = Report(engine)
        rows, gaps = outbox.shards(), outbox.gaps()
        waiting = [asdict(each) for each in StreamStatus(engine).waiting()]
    if json:
        print_json({"shards": rows, "gaps": gaps, "waiting": waiting})
        return
    columns: tuple[str, ...]
    columns = ("shard", "table_name", "state", "lag", "owner", "checkpoint", "records_read", "records_notified",
               "records_unrouted", "records_quarantined", "notifications")  # fmt: skip
    lines = [{**row, "lag": lag_in_words(row["lag_seconds"])} for row in as_tree(rows)]
    spare = ("checkpoint", "owner", "table_name", "notifications", "records_notified", "records_unrouted",
             "records_quarantined", "records_read")  # fmt: skip
    print_table("Shards", lines, columns, "No shard is known yet: is a bridge running?", spare=spare)
    if gaps:
        columns = ("shard_id", "after_sequence_number", "after_record_at", "reason")
        print_table("Gaps", gaps, columns, "", spare=("after_record_at", "after_sequence_number"))
    for row in waiting:
        facts = {"stream": row["stream"], "waits for": row["waits_for"], "since": lag_in_words(row["seconds"])}
        print_facts(f"A stream of the table {row['table']} waits for an older one", facts)
    if waiting:
        say("An old stream that does not end is given up with: notifier let-go --stream ARN --reason WHY")


def as_tree(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with each child after its parent; `shard` is the shard's id, indented by generation."""
    return [{**row, "shard": _branch(depth) + row["shard_id"]} for depth, row in generations(rows)]


def _branch(depth: int) -> str:
    """Return the indentation of a generation. From the fifth on the generation is a number: a stream gets a new one
    every few hours, and the line would become too long.
    """
    if depth <= _DEEPEST:
        return "  " * (depth - 1) + "└ " if depth else ""
    return "  " * (_DEEPEST - 1) + f"└{depth} "


def lag_in_words(seconds: float | None) -> str | None:
    """Return the lag, with `warning` from a minute on and `ALARM` from an hour on. None if there is none."""
    if seconds is None:
        return None
    mark = " ALARM" if seconds >= ALARM_SECONDS else " warning" if seconds >= WARNING_SECONDS else ""
    return f"{seconds:,.0f} s{mark}"


def _text(record: bytes) -> str:
    return bytes(record).decode("utf-8", "replace")
