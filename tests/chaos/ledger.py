"""What our own tables say in the end of a run."""

from typing import Any

from sqlalchemy import Engine, text

from notifier.outbox import Report

_SENT = text("""
SELECT recipient FROM deliveries WHERE status IN ('sent', 'delivered', 'bounced', 'complained')
""")
_ONCE_UNKNOWN = text("""
SELECT DISTINCT d.recipient FROM delivery_events e JOIN deliveries d USING (notification_id)
WHERE e.status_to = 'unknown' OR e.status_from = 'unknown'
""")


# Beyond the first: so many mails of this recipient are known to be second ones.
_COUNTED = text("""
SELECT d.recipient, count(*) AS mails FROM duplicates JOIN deliveries d USING (notification_id) GROUP BY d.recipient
""")


def ledger(engine: Engine) -> dict[str, Any]:
    """In plain values, as a history keeps them."""
    report = Report(engine)
    shards, stranded = report.audit()
    with engine.connect() as connection:
        return {
            "statuses": {status.value: count for status, count in report.totals().items()},
            "sent": list(connection.execute(_SENT).scalars()),
            "once_unknown": list(connection.execute(_ONCE_UNKNOWN).scalars()),
            "stranded": [str(row) for row in stranded],
            "unbalanced": [
                row["shard_id"]
                for row in shards
                if row["records_read"] != row["notifications"] + row["records_unrouted"] + row["quarantine"]
            ],
            "gaps": [f"{row['shard_id']}: {row['reason']}" for row in report.gaps()],
            "quarantine": [row["error"] for row in report.quarantine()],
            "counted": {row.recipient: row.mails for row in connection.execute(_COUNTED)},
        }
