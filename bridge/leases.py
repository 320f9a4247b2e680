"""Which bridge reads which shard: leases in Postgres, by the database's clock, fenced by an epoch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, text

from bridge.streams import Shard
from notifier.outbox import ShardLease

_SWEEP_LOCK = 0x6E6F7469737770

_STREAM = text("""
INSERT INTO streams (arn, table_name) VALUES (:arn, :table) ON CONFLICT (arn) DO NOTHING
""")

_SHARDS = text("""
INSERT INTO shards (stream_id, shard_id, parent_shard_id)
SELECT streams.id, described.* FROM streams, unnest(CAST(:shard_ids AS text[]), CAST(:parents AS text[])) AS described
WHERE arn = :arn
ON CONFLICT (stream_id, shard_id) DO NOTHING
""")

# A child waits for its parent. A parent that has no row was trimmed before we came: its child need not wait.
_ACQUIRE = text("""
UPDATE shards s SET owner = :owner, epoch = s.epoch + 1, lease_until = now() + make_interval(secs => :ttl)
FROM streams st
WHERE st.id = s.stream_id AND s.id IN (
  SELECT free.id FROM shards free
  WHERE free.state = 'open' AND (free.lease_until IS NULL OR free.lease_until < now())
    AND NOT EXISTS (
      SELECT FROM shards parent
      WHERE parent.stream_id = free.stream_id AND parent.shard_id = free.parent_shard_id AND parent.state = 'open'
    )
  ORDER BY free.shard_id LIMIT :limit FOR UPDATE SKIP LOCKED
)
RETURNING s.id, s.shard_id, st.arn, st.table_name, s.owner, s.epoch, s.checkpoint, s.parent_shard_id
""")

_RENEW = text("""
UPDATE shards SET lease_until = now() + make_interval(secs => :ttl)
WHERE owner = :owner AND state = 'open' AND (id, epoch) IN (
  SELECT * FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[]))
)
RETURNING id
""")

_RELEASE = text("""
UPDATE shards SET owner = NULL, lease_until = NULL
WHERE owner = :owner AND (id, epoch) IN (SELECT * FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[])))
""")

_END = text("""
UPDATE shards SET state = :state, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open'
  AND checkpoint IS NOT DISTINCT FROM :checkpoint
""")

_GAP = text("""
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT id, :reason, checkpoint, last_record_at FROM shards WHERE id = :shard AND owner = :owner AND epoch = :epoch
""")


class Leases:
    """The shards that one bridge, called `owner`, may read. `ttl` is in seconds."""

    def __init__(self, engine: Engine, owner: str, ttl: float) -> None:
        self._engine = engine
        self._owner = owner
        self.ttl = ttl

    def register(self, table: str, arn: str, shards: Sequence[Shard]) -> int:
        """Remember a stream and its shards; answers how many shards are new."""
        values = {
            "arn": arn,
            "shard_ids": [each.shard_id for each in shards],
            "parents": [each.parent_shard_id for each in shards],
        }
        with self._engine.begin() as connection:
            connection.execute(_STREAM, {"arn": arn, "table": table})
            return connection.execute(_SHARDS, values).rowcount

    def acquire(self, limit: int) -> list[ShardLease]:
        """Take free shards whose parents are done, oldest first."""
        with self._engine.begin() as connection:
            rows = connection.execute(_ACQUIRE, {"owner": self._owner, "ttl": self.ttl, "limit": limit})
            return [ShardLease(*row) for row in rows]

    def renew(self, leases: Sequence[ShardLease]) -> set[int]:
        """Prolong the leases; answers the shards that are still ours."""
        with self._engine.begin() as connection:
            return {row[0] for row in connection.execute(_RENEW, {**self._named(leases), "ttl": self.ttl})}

    def release(self, leases: Sequence[ShardLease]) -> None:
        """Give the shards back at once, so that nobody waits for the leases to end."""
        with self._engine.begin() as connection:
            connection.execute(_RELEASE, self._named(leases))

    def finish(self, lease: ShardLease, checkpoint: str | None, *, lost: bool = False) -> bool:
        """The shard is read to its end, or lost before that. False where it is no longer ours."""
        values = {
            "state": "lost" if lost else "finished",
            "shard": lease.shard,
            "owner": self._owner,
            "epoch": lease.epoch,
            "checkpoint": checkpoint,
        }
        with self._engine.begin() as connection:
            return connection.execute(_END, values).rowcount == 1

    def record_gap(self, lease: ShardLease, reason: str) -> None:
        """Records were lost before anyone could read them: keep that for ever."""
        values = {"shard": lease.shard, "owner": self._owner, "epoch": lease.epoch, "reason": reason}
        with self._engine.begin() as connection:
            connection.execute(_GAP, values)

    @contextmanager
    def sweeping(self) -> Iterator[bool]:
        """True for the one bridge that may list shards now: DescribeStream has a quota for the account."""
        with self._engine.connect() as connection:
            locked = bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SWEEP_LOCK}))
            yield locked
            connection.rollback()

    def _named(self, leases: Sequence[ShardLease]) -> dict[str, Any]:
        return {
            "owner": self._owner,
            "shards": [each.shard for each in leases],
            "epochs": [each.epoch for each in leases],
        }
