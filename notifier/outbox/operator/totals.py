"""How many deliveries there are, and whether every record is accounted for.

Rows of counted days are not read: their counts stand for them. All statements of one answer share one snapshot, so
that a day which is counted, changed or dropped meanwhile is neither missed nor counted twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text

from notifier.outbox.days import Spans, within_days
from notifier.outbox.history.calendar import joined, read_days

Row = dict[str, Any]

OPEN = ("pending", "sending", "unknown")

_COUNTS = text("""
SELECT n.channel, d.status, count(*) AS deliveries, min(n.recorded_at) AS oldest
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE in_days(d.notification_id) AND in_days(n.notification_id)
GROUP BY n.channel, d.status
""")

_COUNTED = text("""
SELECT channel, status, sum(deliveries)::int8 AS deliveries, min(oldest) AS oldest
FROM day_counts JOIN days USING (day) WHERE days.state = 'counted' GROUP BY channel, status
""")

# Rows that were deleted in time are in `dropped_rows`, those of counted days in `day_shards`.
_SHARDS = text("""
WITH found AS (
  SELECT shard, count(*) AS notifications, 0 AS quarantine FROM notifications n
  WHERE in_days(n.notification_id) GROUP BY shard
  UNION ALL SELECT shard, notifications, 0 FROM day_shards JOIN days USING (day) WHERE days.state = 'counted'
  UNION ALL SELECT shard, 0, count(*) FROM quarantine WHERE replayed_at IS NULL GROUP BY shard
  UNION ALL SELECT shard, notifications, quarantine FROM dropped_rows
)
SELECT s.id, s.shard_id, s.records_read, s.records_notified, s.records_unrouted, s.records_quarantined,
       coalesce(sum(found.notifications), 0)::int8 AS notifications,
       coalesce(sum(found.quarantine), 0)::int8 AS quarantine
FROM shards s LEFT JOIN found ON found.shard = s.id
GROUP BY s.id ORDER BY s.shard_id
""")

# A difference of sets: one pass over each table, whatever the planner knows of a backlog.
_STRANDED = text("""
SELECT notification_id, status FROM (
  SELECT notification_id, status, CASE status WHEN 'sending' THEN token END AS token
  FROM deliveries d WHERE status IN ('pending', 'sending', 'unknown') AND in_days(d.notification_id)
  EXCEPT (
    SELECT unnest(notification_ids), 'pending'::delivery_status, NULL FROM publications
    UNION ALL SELECT unnest(notification_ids), 'sending', token FROM claims
    UNION ALL SELECT notification_id, 'pending', NULL FROM due
    UNION ALL SELECT notification_id, 'unknown', NULL FROM due
  )
) AS stranded
LIMIT 100
""")


def count_deliveries(engine: Engine) -> list[Row]:
    """Deliveries by channel and status, with the time when the oldest of them was recorded."""
    with snapshot(engine) as connection:
        recent = joined(each for each in read_days(connection) if not each.counted)
        rows = [*_rows(connection, _COUNTED, ()), *_rows(connection, _COUNTS, recent)]
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        known = found.setdefault((row["channel"], row["status"]), {**row, "deliveries": 0})
        known["deliveries"] += row["deliveries"]
        known["oldest"] = min(known["oldest"], row["oldest"])
    return [found[key] for key in sorted(found)]


def audit(engine: Engine) -> tuple[list[Row], list[Row]]:
    """Per shard the counters beside the rows, and the deliveries that nothing will move.

    Where they do not balance they are read once more: TRUNCATE, which empties a day, heeds no snapshot.
    """
    rows, stranded = _audit(engine)
    return (rows, stranded) if all(map(balances, rows)) else _audit(engine)


def balances(shard: Row) -> bool:
    """Whether each record of the shard that was read is accounted for. Pure."""
    accounted = shard["notifications"] + shard["records_unrouted"] + shard["quarantine"]
    return bool(shard["records_read"] == accounted and shard["records_notified"] == shard["notifications"])


def _audit(engine: Engine) -> tuple[list[Row], list[Row]]:
    with snapshot(engine) as connection:
        days = read_days(connection)
        recent = joined(each for each in days if not each.counted)
        open_ = joined(each for each in days if each.may_hold(OPEN))
        return _rows(connection, _SHARDS, recent), _rows(connection, _STRANDED, open_)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction in which every statement sees the same moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        yield connection


def _rows(connection: Connection, statement: TextClause, days: Spans) -> list[Row]:
    return [dict(row) for row in connection.execute(within_days(statement, days)).mappings()]
