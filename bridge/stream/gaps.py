"""What was lost before anyone could read it: rows that stay, and count until an operator acknowledges them."""

from collections.abc import Collection

import structlog
from sqlalchemy import Connection, text

from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)

# Everything in the shard that is older than this is recorded, or was there before we came.
_READ_UNTIL = "coalesce(greatest(caught_up_at, last_record_at), discovered_at)"

# Trimmed is not lost: a shard that was read to its tip within the last 24 hours has nothing older left to lose,
# although the record at its checkpoint may be gone. Told once, also where the answer to the commit was lost.
_GAP = text(f"""
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT id, :reason, checkpoint, last_record_at FROM shards
WHERE id = :shard AND owner = :owner AND epoch = :epoch
  AND (:surely OR {_READ_UNTIL} < now() - make_interval(hours => 23))
  AND NOT EXISTS (
    SELECT FROM gaps told
    WHERE told.shard = shards.id AND told.reason = :reason
      AND told.after_sequence_number IS NOT DISTINCT FROM shards.checkpoint
  )
""")  # noqa: S608  a constant of this module

# A shard with a checkpoint may be read where its records are about to be trimmed; there DynamoDB itself says so.
_WAITED = text(f"""
SELECT {_READ_UNTIL} < now() - make_interval(hours => CASE WHEN checkpoint IS NULL THEN 24 ELSE 26 END)
FROM shards WHERE id = :shard
""")  # noqa: S608

# The parent of a listed shard, itself not listed and unknown to us, though it was made after we had come.
_UNSEEN = """
FROM streams st, unnest(CAST(:parents AS text[]), CAST(:created AS float8[])) AS parent (id, created)
WHERE st.arn = :arn AND to_timestamp(parent.created) > greatest(st.discovered_at, st.forgotten_until)
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = parent.id)
"""

_ANY_UNSEEN = text(f"SELECT EXISTS (SELECT {_UNSEEN})")

_CAME_AND_WENT = text(f"""
WITH missed AS (
  INSERT INTO shards (stream_id, shard_id, state, finished_at)
  SELECT st.id, parent.id, 'lost', now() {_UNSEEN}
  ON CONFLICT (stream_id, shard_id) DO NOTHING
  RETURNING id
)
INSERT INTO gaps (shard, reason) SELECT id, 'it came and went before anyone could read it' FROM missed
""")  # noqa: S608

# As long as its stream is on, a shard that ends has a child.
_CHILDLESS = """
FROM shards s JOIN streams st ON st.id = s.stream_id
WHERE st.arn = :arn AND s.state = 'finished' AND s.finished_at < now() - make_interval(hours => 24)
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND parent_shard_id = s.shard_id)
  AND NOT EXISTS (SELECT FROM gaps WHERE shard = s.id)
"""

_ANY_CHILDLESS = text(f"SELECT EXISTS (SELECT {_CHILDLESS})")

_NO_CHILD = text(f"""
INSERT INTO gaps (shard, reason, after_sequence_number, after_record_at)
SELECT s.id, 'it ended, and no child of it ever appeared', s.checkpoint, s.last_record_at {_CHILDLESS}
""")


def tell(connection: Connection, lease: ShardLease, reason: str, *, surely: bool) -> bool:
    """Keep a gap behind the shard's checkpoint, where there can be one; answers whether there is."""
    values = {
        "shard": lease.shard,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "reason": reason,
        "surely": surely,
    }
    return connection.execute(_GAP, values).rowcount == 1


def waited_too_long(connection: Connection, lease: ShardLease) -> bool:
    """Whether the shard was left alone for longer than records are kept."""
    return bool(connection.scalar(_WAITED, {"shard": lease.shard}))


def any_unseen(connection: Connection, arn: str, parents: Collection[str], created: Collection[float | None]) -> bool:
    """Whether one of these parents, none of them listed, was made after we had come, and we never saw it."""
    values = {"arn": arn, "parents": list(parents), "created": list(created)}
    return bool(parents) and bool(connection.scalar(_ANY_UNSEEN, values))


def tell_unseen(
    connection: Connection, arn: str, parents: Collection[str], created: Collection[float | None]
) -> None:
    """Such parents came and went: each is a gap."""
    values = {"arn": arn, "parents": list(parents), "created": list(created)}
    if parents and (missed := connection.execute(_CAME_AND_WENT, values).rowcount):
        log.error("GAP: shards came and went unread", stream=arn, count=missed)


def any_childless(connection: Connection, arn: str) -> bool:
    """Whether a shard of the stream ended a day ago and has no child: wrong, where the stream is on."""
    return bool(connection.scalar(_ANY_CHILDLESS, {"arn": arn}))


def record_childless_gaps(connection: Connection, arn: str) -> None:
    """Whatever followed such shards was lost: each is a gap."""
    if missed := connection.execute(_NO_CHILD, {"arn": arn}).rowcount:
        log.error("GAP: shards ended, and their children never appeared", stream=arn, count=missed)
