"""What operators watch, in numbers that are cheap to ask for: of the deliveries at most a sample is looked up."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text

from notifier.notifications import created_ms
from notifier.outbox.delivery.counts import CountKey, read_counts
from notifier.outbox.history.retention import DaysKept, days_kept
from notifier.outbox.publishing.backlog import backlog
from notifier.outbox.stream.discovery import TableDiscovery, discovery
from notifier.outbox.stream.status import OpenRewinds, TableLag, WaitingStream, lags, rewinds
from notifier.outbox.stream.status import waiting as waiting_streams

# What retention deleted stays in the sums: a counter must not go back.
_RECORDS = text("""
SELECT sum(notified)::int8 AS notified, sum(unrouted)::int8 AS unrouted, sum(quarantined)::int8 AS quarantined
FROM (
  SELECT coalesce(sum(records_notified), 0), coalesce(sum(records_unrouted), 0),
         coalesce(sum(records_quarantined), 0) FROM shards
  UNION ALL
  SELECT coalesce(sum(count) FILTER (WHERE name = 'records_notified'), 0),
         coalesce(sum(count) FILTER (WHERE name = 'records_unrouted'), 0),
         coalesce(sum(count) FILTER (WHERE name = 'records_quarantined'), 0) FROM forgotten_counts
) AS counted (notified, unrouted, quarantined)
""")

_LAG = text("""
SELECT count(*) AS shards, count(*) FILTER (WHERE s.lease_until IS NULL OR s.lease_until < now()) AS unread,
       coalesce(max(extract(
         epoch FROM now() - coalesce(greatest(s.caught_up_at, s.last_record_at), s.discovered_at)
       )), 0)::float8 AS seconds
FROM shards s
WHERE s.state = 'open' AND s.stream_id NOT IN (SELECT id FROM streams WHERE let_go_at IS NOT NULL)
  AND NOT EXISTS (
  SELECT FROM shards parent
  WHERE parent.stream_id = s.stream_id AND parent.shard_id = s.parent_shard_id AND parent.state = 'open'
)
""")

_CLOCK = text("SELECT extract(epoch FROM now())::float8")
_DUE = text("SELECT channel, kind, count(*) FROM due GROUP BY channel, kind")
_SENDING = text("SELECT channel, sum(cardinality(notification_ids))::int8 FROM claims GROUP BY channel")
_RUNNING = text("SELECT channel, (state = 'running')::int FROM channels")
_FEEDBACK = text("""
SELECT channel, sum(sends)::int8, sum(deliveries)::int8, sum(bounces)::int8, sum(complaints)::int8
FROM (
  SELECT channel, sends, deliveries, bounces, complaints FROM feedback_hours
  UNION ALL
  SELECT channel, CASE name WHEN 'sends' THEN count ELSE 0 END, CASE name WHEN 'deliveries' THEN count ELSE 0 END,
         CASE name WHEN 'bounces' THEN count ELSE 0 END, CASE name WHEN 'complaints' THEN count ELSE 0 END
  FROM forgotten_counts WHERE channel <> ''
) AS told GROUP BY channel
""")

_FOUND = text("""
SELECT (SELECT count(*) FROM gaps) + (SELECT coalesce(sum(count), 0) FROM forgotten_counts WHERE name = 'gaps')
         AS gaps,
       (SELECT count(*) FROM gaps WHERE acknowledged_at IS NULL) AS gaps_open,
       (SELECT count(*) FROM duplicates)
         + (SELECT coalesce(sum(count), 0) FROM forgotten_counts WHERE name = 'duplicates') AS duplicates,
       (SELECT count(*) FROM dead_letters) AS dead_letters,
       (SELECT count(*) FROM unmatched_feedback) AS unmatched,
       (SELECT count(*) FROM quarantine WHERE replayed_at IS NULL AND acknowledged_at IS NULL) AS quarantine
""")


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers by name; those of channels by channel, and then by kind where there are several."""

    records: dict[str, int]
    lag: dict[str, float]
    tables: list[TableLag]
    waiting: list[WaitingStream]
    rewinds: list[OpenRewinds]
    discovery: list[TableDiscovery]
    backlog: dict[str, int]
    oldest_seconds: dict[str, float]
    due: dict[tuple[str, str], int]
    sending: dict[str, int]
    running: dict[str, int]
    feedback: dict[tuple[str, str], int]
    deliveries: dict[CountKey, int]
    found: dict[str, int]
    days: DaysKept


def read_gauges(engine: Engine, keep_days: int = 0) -> Gauges:
    """All of them, at one moment. Days older than `keep_days` are overdue, none where it is 0."""
    with engine.connect() as connection:
        waiting, found, lag = backlog(connection), discovery(connection), _one(connection, _LAG)
        now = connection.execute(_CLOCK).scalar_one()
        told = connection.execute(_FEEDBACK).all()
        kinds = ("send", "delivery", "bounce", "complaint")
        return Gauges(
            records=_one(connection, _RECORDS),
            tables=lags(connection),
            waiting=waiting_streams(connection),
            rewinds=rewinds(connection),
            lag=lag | {"seconds": max([lag["seconds"], *(each.unread_seconds for each in found)])},
            discovery=found,
            backlog={channel: each.deliveries for channel, each in waiting.items()},
            oldest_seconds={
                channel: max(0.0, now - created_ms(each.oldest) / 1000) if each.oldest else 0.0
                for channel, each in waiting.items()
            },
            due={(row[0], row[1]): row[2] for row in connection.execute(_DUE)},
            sending={row[0]: row[1] for row in connection.execute(_SENDING)},
            running={row[0]: row[1] for row in connection.execute(_RUNNING)},
            feedback={(row[0], kind): row[n] for row in told for n, kind in enumerate(kinds, 1)},
            deliveries=read_counts(connection),
            found=_one(connection, _FOUND),
            days=days_kept(connection, keep_days),
        )


def _one(connection: Connection, statement: TextClause) -> dict[str, Any]:
    return {name: int(value) if name != "seconds" else float(value)
            for name, value in connection.execute(statement).mappings().one().items()}  # fmt: skip
