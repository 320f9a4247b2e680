"""The tree of shards in Postgres: which there are, which are read to their end, and what was lost of them.

A shard's row stays after its end: a listing that still shows the shard must not start it anew.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, Engine, text

from bridge.streams import Shard
from notifier.errors import LeaseLost
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)

_SHARD_ID = re.compile(r"shardId-(\d{20})-")
_SWEEP_LOCK = 0x6E6F7469737770

# Asked for before it is inserted: each insert takes a number from a sequence, also one that conflicts.
_STREAM = text("""
INSERT INTO streams (arn, table_name)
SELECT :arn, :table WHERE NOT EXISTS (SELECT FROM streams WHERE arn = :arn)
ON CONFLICT (arn) DO NOTHING
""")

_SHARDS = text("""
INSERT INTO shards (stream_id, shard_id, parent_shard_id, discovered_at)
SELECT st.id, described.id, described.parent,
       least(now(), greatest(st.discovered_at, to_timestamp(described.created)))
FROM streams st, unnest(CAST(:shard_ids AS text[]), CAST(:parents AS text[]), CAST(:created AS float8[]))
                 AS described (id, parent, created)
WHERE arn = :arn AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = described.id)
ON CONFLICT (stream_id, shard_id) DO NOTHING
""")

# The parent of a listed shard, itself not listed and unknown to us, though it was made after we had come.
_CAME_AND_WENT = text("""
WITH missed AS (
  INSERT INTO shards (stream_id, shard_id, state, finished_at)
  SELECT st.id, parent.id, 'lost', now()
  FROM streams st, unnest(CAST(:parents AS text[]), CAST(:created AS float8[])) AS parent (id, created)
  WHERE st.arn = :arn AND to_timestamp(parent.created) > st.discovered_at
    AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = parent.id)
  ON CONFLICT (stream_id, shard_id) DO NOTHING
  RETURNING id
)
INSERT INTO gaps (shard, reason) SELECT id, 'it came and went before anyone could read it' FROM missed
""")

# Lost too early: it is listed after all.
_FOUND_AGAIN = text("""
UPDATE shards SET state = 'open', finished_at = NULL
FROM streams st
WHERE st.id = shards.stream_id AND st.arn = :arn AND state = 'lost' AND shard_id = ANY(CAST(:shard_ids AS text[]))
""")

_UNFINISHED = text("""
SELECT DISTINCT st.arn FROM streams st JOIN shards s ON s.stream_id = st.id
WHERE st.table_name = :table AND s.state = 'open'
""")

_END = text("""
UPDATE shards SET state = :state, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open'
  AND checkpoint IS NOT DISTINCT FROM :checkpoint
""")

# Trimmed is not lost: a shard that was read to its tip within the last 24 hours has nothing older left to lose,
# although the record at its checkpoint may be gone.
_GAP = text("""
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT id, :reason, checkpoint, last_record_at FROM shards
WHERE id = :shard AND owner = :owner AND epoch = :epoch
  AND (:surely OR coalesce(greatest(caught_up_at, last_record_at), '-infinity') < now() - make_interval(hours => 23))
""")

_NEVER_READ = text("""
SELECT greatest(caught_up_at, last_record_at) IS NULL AND discovered_at < now() - make_interval(hours => 24)
FROM shards WHERE id = :shard
""")


class ShardTree:
    """What is known of all streams' shards."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def register(self, table: str, arn: str, shards: Sequence[Shard]) -> int:
        """Remember a stream and its shards; answers how many shards are new."""
        with self._engine.begin() as connection:
            connection.execute(_STREAM, {"arn": arn, "table": table})
            names = [each.shard_id for each in shards]
            found_again = connection.execute(_FOUND_AGAIN, {"arn": arn, "shard_ids": names}).rowcount
            _note_missed(connection, arn, shards)
            return _insert(connection, arn, shards) + found_again

    def unfinished_streams(self, table: str) -> list[str]:
        """The streams of the table that still have something to read, listed by DynamoDB or not."""
        with self._engine.begin() as connection:
            return list(connection.execute(_UNFINISHED, {"table": table}).scalars())

    def finish(self, lease: ShardLease, checkpoint: str | None, children: Sequence[Shard]) -> None:
        """The shard is read to its end; its children are known from the same moment. Raises LeaseLost."""
        with self._engine.begin() as connection:
            _end(connection, lease, checkpoint, "finished")
            _insert(connection, lease.stream_arn, children)

    def lose(self, lease: ShardLease, checkpoint: str | None, reason: str) -> None:
        """The shard is gone before it was read to its end: a gap, and its children go ahead. Raises LeaseLost."""
        with self._engine.begin() as connection:
            _gap(connection, lease, reason, surely=True)
            _end(connection, lease, checkpoint, "lost")

    def trimmed(self, lease: ShardLease, reason: str) -> bool:
        """The record after the checkpoint is gone. Answers whether that is a gap, which is then kept for ever."""
        with self._engine.begin() as connection:
            return _gap(connection, lease, reason, surely=False)

    def was_never_read(self, lease: ShardLease) -> bool:
        """Whether the shard has been waiting longer than records are kept, and nothing of it was read."""
        with self._engine.begin() as connection:
            return bool(connection.scalar(_NEVER_READ, {"shard": lease.shard}))

    @contextmanager
    def sweeping(self) -> Iterator[bool]:
        """True for the one bridge that may list shards now: DescribeStream has a quota for the account.

        A lock of the session and no transaction: a listing may take longer than a transaction may idle.
        """
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            key = {"key": _SWEEP_LOCK}
            locked = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
            try:
                yield locked
            finally:
                if locked:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _insert(connection: Connection, arn: str, shards: Sequence[Shard]) -> int:
    values = {
        "arn": arn,
        "shard_ids": [each.shard_id for each in shards],
        "parents": [each.parent_shard_id for each in shards],
        "created": [created_at(each.shard_id) for each in shards],
    }
    return connection.execute(_SHARDS, values).rowcount


def _note_missed(connection: Connection, arn: str, shards: Sequence[Shard]) -> None:
    listed = {each.shard_id for each in shards}
    parents = sorted({each.parent_shard_id for each in shards if each.parent_shard_id} - listed)
    if parents:
        values = {"arn": arn, "parents": parents, "created": [created_at(each) for each in parents]}
        if missed := connection.execute(_CAME_AND_WENT, values).rowcount:
            log.error("GAP: shards came and went unread", stream=arn, count=missed)


def created_at(shard_id: str) -> float | None:
    """When DynamoDB made the shard, in Unix seconds: its name begins with that. None for other names.

    A shard that is found late must not look new: its first records may be trimmed already.
    """
    match = _SHARD_ID.match(shard_id)
    return int(match[1]) / 1000 if match else None


def _end(connection: Connection, lease: ShardLease, checkpoint: str | None, state: str) -> None:
    values = {
        "state": state,
        "shard": lease.shard,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "checkpoint": checkpoint,
    }
    if connection.execute(_END, values).rowcount != 1:
        raise LeaseLost(f"{lease.shard_id} was taken before it could be marked {state}")


def _gap(connection: Connection, lease: ShardLease, reason: str, *, surely: bool) -> bool:
    values = {
        "shard": lease.shard,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "reason": reason,
        "surely": surely,
    }
    return connection.execute(_GAP, values).rowcount == 1
