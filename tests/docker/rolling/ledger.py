"""What our own tables say in the end of a run."""

from typing import Any

from sqlalchemy import Engine, text

from notifier.outbox import Report
from notifier.outbox.operator.totals import balances

_ONCE_UNKNOWN = text("""
SELECT DISTINCT CAST(notification_id AS text) FROM delivery_events WHERE 'unknown' IN (status_from, status_to)
""")


def ledger(engine: Engine) -> dict[str, Any]:
    """In plain values, as `judge` takes them."""
    report = Report(engine)
    shards, stranded = report.audit()
    with engine.connect() as connection:
        unknown = list(connection.execute(_ONCE_UNKNOWN).scalars())
    return {
        "once_unknown": unknown,
        "stranded": [str(row) for row in stranded],
        "unbalanced": [row["shard_id"] for row in shards if not balances(row)],
        "gaps": [f"{row['shard_id']}: {row['reason']}" for row in report.gaps()],
        "quarantine": [row["error"] for row in report.quarantine()],
    }
