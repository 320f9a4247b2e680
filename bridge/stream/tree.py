"""The tree of shards in Postgres: which there are, and which are read to their end.

A shard's row stays after the shard's end, because a listing may still show the shard: without it the shard would
be read again. The row is deleted after NOTIFIER_KEEP_DAYS. Then the stream's row keeps until when shards may be
forgotten (`forgotten_until`), and older shards in a listing are ignored.
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
from notifier.outbox.statements import statement

_SHARD_ID = re.compile(r"shardId-(\d{20})-")
_STREAM_LABEL = re.compile(r"/stream/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)$")
_LISTING_LOCK = 0x6E6F7469737770
_CHILDREN_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 0.2

_STREAM = statement(__package__, "register_stream.sql")
_SHARDS = statement(__package__, "insert_shards.sql")
_FOUND_AGAIN = statement(__package__, "reopen_shards.sql")
_UNFINISHED = statement(__package__, "unfinished_streams.sql")
_LET_GO = statement(__package__, "streams_let_go.sql")
_END = statement(__package__, "end_shard.sql")
_EXPECTING = statement(__package__, "expects_children.sql")
_LOCK = statement(__package__, "lock_listing.sql")
_STILL_HERE = text("SELECT 1")

HUNG_SECONDS = 120
"""How long the bridge that lists may send no statement before it counts as hung."""


class ListingTurn:
    """A bridge's turn to list shards. It is false if another bridge lists."""

    def __init__(self, connection: Connection | None = None, *, ours: bool) -> None:
        """Without a connection there is no lock: no other bridge is asked."""
        self._connection = connection
        self._ours = ours

    def __bool__(self) -> bool:
        return self._ours

    def keep_alive(self) -> None:
        """Send a statement, so that a long listing does not count as hung; to be called between two streams. Raise
        DatabaseError if the turn is over already: two bridges must not list at once.
        """
        if self._connection is not None:
            self._connection.execute(_STILL_HERE)


class ShardTree:
    """The rows of streams and shards. Safe to share between threads."""

    def __init__(self, engine: Engine, hung_seconds: int = HUNG_SECONDS) -> None:
        self._engine = engine
        self._hung_seconds = hung_seconds

    def register(self, table: str, arn: str, shards: Sequence[Shard]) -> int:
        """Keep a stream and its shards; return how many shards are new, or open again."""
        with self._engine.begin() as connection:
            connection.execute(_STREAM, {"arn": arn, "table": table, "made_at": _made_at(arn)})
            names = [each.shard_id for each in shards]
            found_again = connection.execute(_FOUND_AGAIN, {"arn": arn, "shard_ids": names}).rowcount
            gaps.record_unseen(connection, arn, *_unlisted_parents(shards))
            return _insert(connection, arn, shards) + found_again

    def listing_is_incomplete(self, arn: str, shards: Sequence[Shard]) -> bool:
        """Return whether a parent is missing in this listing: shards may be made while its pages are read."""
        with self._engine.begin() as connection:
            return gaps.any_unseen(connection, arn, *_unlisted_parents(shards))

    def expects_children(self, tables: Sequence[str]) -> bool:
        """Return whether a shard of these tables ended in the last 30 seconds and has no child yet, whichever bridge
        read it.
        """
        with self._engine.begin() as connection:
            return bool(connection.scalar(_EXPECTING, {"tables": list(tables), "seconds": _CHILDREN_SECONDS}))

    def has_childless_shards(self, arn: str) -> bool:
        """Return whether a shard of the stream ended a day ago and has no child."""
        with self._engine.begin() as connection:
            return gaps.any_childless(connection, arn)

    def record_childless_gaps(self, arn: str) -> None:
        """Keep a gap for each such shard. To be called only for a stream that is on: there they had children."""
        with self._engine.begin() as connection:
            gaps.record_childless(connection, arn)

    def unfinished_streams(self, table: str) -> list[str]:
        """Return the ARNs of the table's streams with open shards, also those that DynamoDB lists no more."""
        with self._engine.begin() as connection:
            return list(connection.execute(_UNFINISHED, {"table": table}).scalars())

    def let_go(self, table: str) -> set[str]:
        """Return the ARNs of the table's streams that an operator let go: they are not listed or read any more."""
        with self._engine.begin() as connection:
            return set(connection.execute(_LET_GO, {"table": table}).scalars())

    def finish(self, lease: ShardLease, checkpoint: str | None, children: Sequence[Shard]) -> None:
        """Mark the shard as read to its end, and keep its children in the same transaction. Raise LeaseLost."""
        with self._engine.begin() as connection:
            _end(connection, lease, checkpoint, "finished")
            _insert(connection, lease.stream_arn, children)

    def mark_lost(self, lease: ShardLease, checkpoint: str | None, reason: str) -> None:
        """Mark the shard as lost before its end, with a gap; its children may be read then. Raise LeaseLost."""
        with self._engine.begin() as connection:
            gaps.record_gap(connection, lease, reason, surely=True)
            _end(connection, lease, checkpoint, "lost")

    def record_trimmed(self, lease: ShardLease, reason: str) -> bool:
        """Record a gap if the records trimmed after the checkpoint may be lost. Return whether it was added."""
        with self._engine.begin() as connection:
            return gaps.record_gap(connection, lease, reason, surely=False)

    def was_left_unread(self, lease: ShardLease) -> bool:
        """Return whether the shard was not read for longer than records are kept: those after its checkpoint, or its
        first ones, may be trimmed.
        """
        with self._engine.begin() as connection:
            return gaps.was_left_unread(connection, lease)

    @contextmanager
    def listing_turn(self, timeout: float = 0.0) -> Iterator[ListingTurn]:
        """Give this bridge the turn to list shards, or a false one if another bridge lists: DescribeStream has a
        quota for the whole account. Wait for the turn for up to `timeout` seconds.

        The lock belongs to a transaction that stays open meanwhile, since PgBouncer may lend the session to another
        client between two transactions. While a bridge has the turn, the others find no new shards: so the server
        ends the transaction of a bridge that hangs. Then this raises DatabaseError at its end, and
        `ListingTurn.keep_alive` does.
        """
        values = {"key": _LISTING_LOCK, "seconds": f"{self._hung_seconds}s"}
        deadline = time.monotonic() + timeout
        while True:
            with self._engine.begin() as connection:
                ours = bool(connection.execute(_LOCK, values).scalar_one())
                if ours or time.monotonic() >= deadline:
                    yield ListingTurn(connection, ours=ours)
                    return
            time.sleep(_ASK_AGAIN_SECONDS)


def created_at(shard_id: str) -> float | None:
    """Return when DynamoDB made the shard, in Unix seconds: its name begins with that. None for other names.

    A shard that is found late must not look new: its first records may be trimmed already.
    """
    match = _SHARD_ID.match(shard_id)
    return int(match[1]) / 1000 if match else None


def _made_at(arn: str) -> str | None:
    """Return when the stream was switched on: its ARN ends with that. None for other ARNs."""
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
    """Return the parents that the listing names and does not show, with the times when they were made."""
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
