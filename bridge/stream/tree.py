"""The tree of shards in Postgres: which there are, and which are read to their end.

A shard's row stays after its end: a listing that still shows the shard must not start it anew. When the row is
deleted at the end of its time, the stream remembers until when its shards are forgotten (`forgotten_until`).
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from bridge.stream import gaps
from bridge.stream.client import Shard
from notifier.errors import LeaseLost
from notifier.outbox import ShardLease

_SHARD_ID = re.compile(r"shardId-(\d{20})-")
_STREAM_LABEL = re.compile(r"/stream/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)$")
_LISTING_LOCK = 0x6E6F7469737770
_PATIENCE_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 0.2

# Asked for before it is inserted: each insert takes a number from a sequence, also one that conflicts. What was in
# the first stream of a table before we found it is no loss; the streams that follow are ours from their beginning.
_STREAM = text("""
INSERT INTO streams (arn, table_name, discovered_at)
SELECT :arn, :table,
       CASE WHEN min(discovered_at) IS NULL OR CAST(:made_at AS timestamptz) IS NULL THEN now()
            ELSE least(now(), greatest(min(discovered_at), CAST(:made_at AS timestamptz))) END
FROM streams WHERE table_name = :table
HAVING NOT EXISTS (SELECT FROM streams WHERE arn = :arn)
ON CONFLICT (arn) DO NOTHING
""")

_SHARDS = text("""
INSERT INTO shards (stream_id, shard_id, parent_shard_id, discovered_at)
SELECT st.id, described.id, described.parent,
       least(now(), greatest(st.discovered_at, to_timestamp(described.created)))
FROM streams st, unnest(CAST(:shard_ids AS text[]), CAST(:parents AS text[]), CAST(:created AS float8[]))
                 AS described (id, parent, created)
WHERE arn = :arn AND let_go_at IS NULL
  AND NOT EXISTS (SELECT FROM shards WHERE stream_id = st.id AND shard_id = described.id)
  AND coalesce(to_timestamp(described.created) > st.forgotten_until, true)
ON CONFLICT (stream_id, shard_id) DO NOTHING
""")

# Lost too early: it is listed after all. Those of a stream that an operator let go stay lost.
_FOUND_AGAIN = text("""
UPDATE shards SET state = 'open', finished_at = NULL
FROM streams st
WHERE st.id = shards.stream_id AND st.arn = :arn AND st.let_go_at IS NULL
  AND state = 'lost' AND shard_id = ANY(CAST(:shard_ids AS text[]))
""")

_UNFINISHED = text("""
SELECT DISTINCT st.arn FROM streams st JOIN shards s ON s.stream_id = st.id
WHERE st.table_name = :table AND s.state = 'open'
""")

_LET_GO = text("SELECT arn FROM streams WHERE table_name = :table AND let_go_at IS NOT NULL")

_END = text("""
UPDATE shards SET state = :state, finished_at = now(), owner = NULL, lease_until = NULL
WHERE id = :shard AND owner = :owner AND epoch = :epoch AND state = 'open'
  AND checkpoint IS NOT DISTINCT FROM :checkpoint
""")

_EXPECTING = text("""
SELECT EXISTS (
  SELECT FROM shards s JOIN streams st ON st.id = s.stream_id
  WHERE st.table_name = ANY(CAST(:tables AS text[])) AND s.state <> 'open'
    AND s.finished_at > now() - make_interval(secs => :seconds)
    AND NOT EXISTS (
      SELECT FROM shards child WHERE child.stream_id = s.stream_id AND child.parent_shard_id = s.shard_id
    )
)
""")


_LOCK = text("""
SELECT pg_try_advisory_xact_lock(:key), set_config('idle_in_transaction_session_timeout', :seconds, true)
""")

_STILL_HERE = text("SELECT 1")

HUNG_SECONDS = 120
"""How long a bridge that lists may be silent before it counts as hung."""


class ListingTurn:
    """A bridge's turn to list shards. False where another bridge lists."""

    def __init__(self, connection: Connection | None = None, *, ours: bool) -> None:
        """Without a connection no other bridge is asked."""
        self._connection = connection
        self._ours = ours

    def __bool__(self) -> bool:
        return self._ours

    def keep_alive(self) -> None:
        """To be called between two streams: a long listing does not count as hung. Raises DatabaseError where the
        turn is over already, so that two bridges do not list at once.
        """
        if self._connection is not None:
            self._connection.execute(_STILL_HERE)


class ShardTree:
    """What is known of all streams' shards."""

    def __init__(self, engine: Engine, hung_seconds: int = HUNG_SECONDS) -> None:
        self._engine = engine
        self._hung_seconds = hung_seconds

    def register(self, table: str, arn: str, shards: Sequence[Shard]) -> int:
        """Remember a stream and its shards; answers how many shards are new."""
        with self._engine.begin() as connection:
            connection.execute(_STREAM, {"arn": arn, "table": table, "made_at": _made_at(arn)})
            names = [each.shard_id for each in shards]
            found_again = connection.execute(_FOUND_AGAIN, {"arn": arn, "shard_ids": names}).rowcount
            gaps.tell_unseen(connection, arn, *_unlisted_parents(shards))
            return _insert(connection, arn, shards) + found_again

    def listing_is_incomplete(self, arn: str, shards: Sequence[Shard]) -> bool:
        """Whether this listing lacks a parent that it should have: it was made page by page, while shards came up."""
        with self._engine.begin() as connection:
            return gaps.any_unseen(connection, arn, *_unlisted_parents(shards))

    def expects_children(self, tables: Sequence[str]) -> bool:
        """Whether a shard of these tables ended a moment ago and has no child yet, whichever bridge read it."""
        with self._engine.begin() as connection:
            return bool(connection.scalar(_EXPECTING, {"tables": list(tables), "seconds": _PATIENCE_SECONDS}))

    def has_childless_shards(self, arn: str) -> bool:
        """Whether a shard of the stream ended a day ago and has no child."""
        with self._engine.begin() as connection:
            return gaps.any_childless(connection, arn)

    def record_childless_gaps(self, arn: str) -> None:
        """The stream is on, so these shards had children: gaps."""
        with self._engine.begin() as connection:
            gaps.record_childless_gaps(connection, arn)

    def unfinished_streams(self, table: str) -> list[str]:
        """The streams of the table that still have something to read, listed by DynamoDB or not."""
        with self._engine.begin() as connection:
            return list(connection.execute(_UNFINISHED, {"table": table}).scalars())

    def let_go(self, table: str) -> set[str]:
        """The streams of the table that an operator gave up: nothing more of them is listed or read."""
        with self._engine.begin() as connection:
            return set(connection.execute(_LET_GO, {"table": table}).scalars())

    def finish(self, lease: ShardLease, checkpoint: str | None, children: Sequence[Shard]) -> None:
        """The shard is read to its end; its children are known from the same moment. Raises LeaseLost."""
        with self._engine.begin() as connection:
            _end(connection, lease, checkpoint, "finished")
            _insert(connection, lease.stream_arn, children)

    def mark_lost(self, lease: ShardLease, checkpoint: str | None, reason: str) -> None:
        """The shard is gone before it was read to its end: a gap, and its children go ahead. Raises LeaseLost."""
        with self._engine.begin() as connection:
            gaps.tell(connection, lease, reason, surely=True)
            _end(connection, lease, checkpoint, "lost")

    def record_trimmed(self, lease: ShardLease, reason: str) -> bool:
        """The record after the checkpoint is gone. Answers whether that is a gap, which is then kept for ever."""
        with self._engine.begin() as connection:
            return gaps.tell(connection, lease, reason, surely=False)

    def waited_too_long(self, lease: ShardLease) -> bool:
        """Whether the shard was left alone for longer than records are kept: what came after its checkpoint, or its
        first records where there is none, may be gone.
        """
        with self._engine.begin() as connection:
            return gaps.waited_too_long(connection, lease)

    @contextmanager
    def listing_turn(self, patience: float = 0.0) -> Iterator[ListingTurn]:
        """True for the one bridge that may list shards now: DescribeStream has a quota for the whole account. Another
        one's turn is waited for `patience` seconds at most.

        The lock belongs to a transaction that is open meanwhile, since PgBouncer may lend the session to another
        client between two transactions. The server ends the transaction of a bridge that hangs, because the others
        find no new shard for so long; then DatabaseError is raised at the end, or by `ListingTurn.keep`.
        """
        values = {"key": _LISTING_LOCK, "seconds": f"{self._hung_seconds}s"}
        deadline = time.monotonic() + patience
        while True:
            with self._engine.begin() as connection:
                ours = bool(connection.execute(_LOCK, values).scalar_one())
                if ours or time.monotonic() >= deadline:
                    yield ListingTurn(connection, ours=ours)
                    return
            time.sleep(_ASK_AGAIN_SECONDS)


def created_at(shard_id: str) -> float | None:
    """When DynamoDB made the shard, in Unix seconds: its name begins with that. None for other names.

    A shard that is found late must not look new: its first records may be trimmed already.
    """
    match = _SHARD_ID.match(shard_id)
    return int(match[1]) / 1000 if match else None


def _made_at(arn: str) -> str | None:
    """When the stream was switched on: its name ends with that. None for other names."""
    match = _STREAM_LABEL.search(arn)
    return f"{match[1]}Z" if match else None


def _insert(connection: Connection, arn: str, shards: Sequence[Shard]) -> int:
    values = {
        "arn": arn,
        "shard_ids": [each.shard_id for each in shards],
        "parents": [each.parent_shard_id for each in shards],
        "created": [created_at(each.shard_id) for each in shards],
    }
    return connection.execute(_SHARDS, values).rowcount


def _unlisted_parents(shards: Sequence[Shard]) -> tuple[list[str], list[float | None]]:
    """The parents that the listing names and does not show, with the times when they were made."""
    listed = {each.shard_id for each in shards}
    parents = sorted({each.parent_shard_id for each in shards if each.parent_shard_id} - listed)
    return parents, [created_at(each) for each in parents]


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
