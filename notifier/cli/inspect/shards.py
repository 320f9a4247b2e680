"""`notifier shards`: the shards of the streams as a tree."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from notifier.cli.connection import connected
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_facts, print_table
from notifier.operating.shards import generations
from notifier.outbox import Report, StreamStatus
from notifier.outbox.stream.status import ALARM_SECONDS, WARNING_SECONDS

_DEEPEST = 4


def shards(json: Json = False) -> None:
    """The streams' shards as a tree: who reads them, how far behind, how many of their records were notified, and by
    how many notifications.
    """
    with connected() as engine:
        report = Report(engine)
        rows, gaps = report.shards(), report.gaps()
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
