"""Which bridge reads which shard: leases in Postgres, by the database's clock, fenced by an epoch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, text

from notifier.outbox import ShardLease

_STEAL_LOCK = 0x6E6F7469737465

_LEASE = "s.id, s.shard_id, st.arn, st.table_name, s.owner, s.epoch, s.checkpoint, s.parent_shard_id"

# A child waits for its parent. A parent that has no row was trimmed before we came: its child need not wait.
# A stream waits for those that its table had before: their names differ only in the time when they were made. One
# that an operator let go is read no more, and nothing waits for it.
# What is ours and not in hand is what could not be given back, or whose taking was never answered. Shards of tables
# that this bridge is not configured for are never taken, stolen, counted or prolonged: it may have no route for them.
_ACQUIRE = text(f"""
UPDATE shards s SET owner = :owner, epoch = s.epoch + 1, lease_until = now() + make_interval(secs => :ttl)
FROM streams st
WHERE st.id = s.stream_id AND s.id IN (
  SELECT free.id FROM shards free JOIN streams its ON its.id = free.stream_id
  WHERE free.state = 'open' AND its.let_go_at IS NULL AND its.table_name = ANY(CAST(:tables AS text[]))
    AND (free.lease_until IS NULL OR free.lease_until < now()
         OR free.owner = :owner AND free.id <> ALL(CAST(:held AS int[])))
    AND NOT EXISTS (
      SELECT FROM shards parent
      WHERE parent.stream_id = free.stream_id AND parent.shard_id = free.parent_shard_id AND parent.state = 'open'
    )
    AND NOT EXISTS (
      SELECT FROM shards older JOIN streams before ON before.id = older.stream_id
      WHERE older.state = 'open' AND before.let_go_at IS NULL AND before.arn < its.arn COLLATE "C"
        AND split_part(before.arn, '/stream/', 1) = split_part(its.arn, '/stream/', 1)
    )
  ORDER BY free.shard_id LIMIT :limit FOR UPDATE OF free SKIP LOCKED
)
RETURNING {_LEASE}
""")  # noqa: S608  a constant of this module

_LOADS = text("""
SELECT s.owner, count(*) AS shards FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE s.state = 'open' AND s.lease_until >= now() AND st.table_name = ANY(CAST(:tables AS text[]))
GROUP BY s.owner
""")

# From each bridge only what it has too much of, and nothing that was moved a moment ago. Both counts are of the
# tables of the bridge that steals. It steals only from a bridge that holds at least two shards more than itself, as
# all that it holds is of its own tables: each move makes the loads more even, so bridges with different tables cannot
# steal the same shards from each other for ever.
_STEAL = text(f"""
UPDATE shards s SET
  owner = :owner, epoch = s.epoch + 1, lease_until = now() + make_interval(secs => :ttl), moved_at = now()
FROM streams st
WHERE st.id = s.stream_id AND s.state = 'open' AND s.id IN (
  SELECT id FROM (
    SELECT h.id, row_number() OVER (PARTITION BY h.owner ORDER BY h.id DESC) AS number,
           count(*) OVER (PARTITION BY h.owner) - :target AS surplus, h.moved_at
    FROM shards h JOIN streams its ON its.id = h.stream_id
    WHERE h.state = 'open' AND h.lease_until >= now() AND h.owner <> :owner
      AND its.table_name = ANY(CAST(:tables AS text[]))
  ) AS held
  WHERE number <= surplus AND (moved_at IS NULL OR moved_at < now() - make_interval(secs => :rest))
  ORDER BY surplus DESC, id LIMIT :limit
)
RETURNING {_LEASE}
""")  # noqa: S608  a constant of this module

_RENEW = text("""
UPDATE shards SET
  lease_until = now() + make_interval(secs => :ttl),
  caught_up_at = greatest(caught_up_at, now() - make_interval(secs => held.caught_up))
FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[]), CAST(:caught_up AS float8[]))
     AS held (id, epoch, caught_up), streams st
WHERE st.id = shards.stream_id AND st.table_name = ANY(CAST(:tables AS text[]))
  AND shards.id = held.id AND shards.epoch = held.epoch AND owner = :owner AND state = 'open'
RETURNING shards.id
""")

_RELEASE = text("""
UPDATE shards SET owner = NULL, lease_until = NULL
WHERE owner = :owner AND (id, epoch) IN (SELECT * FROM unnest(CAST(:shards AS int[]), CAST(:epochs AS bigint[])))
""")

_BRIDGES = text("SELECT count(DISTINCT owner) FROM shards WHERE state = 'open' AND lease_until >= now()")

REST_SECONDS = 10.0
"""How long a shard that was moved stays where it is, at least."""


class Leases:
    """The shards that one bridge, called `owner`, may read: those of its `tables`. `ttl` is in seconds."""

    def __init__(self, engine: Engine, owner: str, ttl: float, tables: Collection[str]) -> None:
        self._engine = engine
        self._owner = owner
        self._tables = list(tables)
        self.ttl = ttl

    def acquire(self, limit: int, held: Collection[int] | None = None) -> list[ShardLease]:
        """Take free shards whose parents are done, oldest first. Of our own, all but those in hand are free."""
        values = {
            "owner": self._owner,
            "tables": self._tables,
            "ttl": self.ttl,
            "limit": limit,
            "held": None if held is None else list(held),
        }
        with self._engine.begin() as connection:
            rows = connection.execute(_ACQUIRE, values)
            return [ShardLease(*row) for row in rows]

    def steal(self, limit: int) -> list[ShardLease]:
        """Take shards from bridges that hold more than their share, half of what we lack at a time.

        One bridge at a time: two that looked at the same numbers would both take the same surplus.
        """
        with self._engine.begin() as connection:
            if not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _STEAL_LOCK}):
                return []
            loads = {row.owner: row.shards for row in connection.execute(_LOADS, {"tables": self._tables})}
            target, lack = fair_share(loads, self._owner)
            if lack <= 0:
                return []
            values = {
                "owner": self._owner,
                "tables": self._tables,
                "ttl": self.ttl,
                "target": target,
                "rest": REST_SECONDS,
                "limit": min(limit, (lack + 1) // 2),
            }
            return [ShardLease(*row) for row in connection.execute(_STEAL, values)]

    def renew(self, leases: Sequence[ShardLease], caught_up: Mapping[int, float]) -> set[int]:
        """Prolong the leases; answers the shards that are still ours, and of our tables.

        `caught_up` says for a shard how many seconds ago everything in it was recorded.
        """
        values = {
            **self._named(leases),
            "tables": self._tables,
            "ttl": self.ttl,
            "caught_up": [caught_up.get(each.shard) for each in leases],
        }
        with self._engine.begin() as connection:
            return {row[0] for row in connection.execute(_RENEW, values)}

    def bridges(self) -> int:
        """How many bridges hold shards now."""
        with self._engine.begin() as connection:
            return int(connection.execute(_BRIDGES).scalar_one())

    def release(self, leases: Sequence[ShardLease]) -> None:
        """Give the shards back at once, so that nobody waits for the leases to end."""
        with self._engine.begin() as connection:
            connection.execute(_RELEASE, self._named(leases))

    def _named(self, leases: Sequence[ShardLease]) -> dict[str, Any]:
        return {
            "owner": self._owner,
            "shards": [each.shard for each in leases],
            "epochs": [each.epoch for each in leases],
        }


def fair_share(loads: Mapping[str, int], owner: str) -> tuple[int, int]:
    """How many shards each live bridge should hold at most, and how many `owner` lacks to that. `loads` counts the
    shards of the tables of `owner` only.
    """
    bridges = len(loads.keys() | {owner})
    target = -(-sum(loads.values()) // bridges)
    return target, target - loads.get(owner, 0)
