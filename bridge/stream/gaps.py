"""Gaps: records that DynamoDB dropped before they were read. Their rows stay until an operator acknowledges them."""

from collections.abc import Collection

import structlog
from sqlalchemy import Connection

from notifier.outbox import ShardLease
from notifier.outbox.statements import statement

log = structlog.get_logger(__name__)

_RECORD_GAP = statement(__package__, "record_gap.sql")
_WAS_LEFT_UNREAD = statement(__package__, "was_left_unread.sql")
_ANY_UNSEEN = statement(__package__, "any_unseen_parent.sql")
_RECORD_UNSEEN = statement(__package__, "record_unseen_parents.sql")
_ANY_CHILDLESS = statement(__package__, "any_childless_shard.sql")
_RECORD_CHILDLESS = statement(__package__, "record_childless_gaps.sql")


def record_gap(connection: Connection, lease: ShardLease, reason: str, *, surely: bool) -> bool:
    """Record a gap after the shard's checkpoint, once for a `reason`. Return whether it was added.

    Without `surely` none is added if the shard was read to its tip within the last 23 hours. None is added if the
    lease is lost.
    """
    values = {
        "shard": lease.shard,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "reason": reason,
        "surely": surely,
    }
    return connection.execute(_RECORD_GAP, values).rowcount == 1


def was_left_unread(connection: Connection, lease: ShardLease) -> bool:
    """Return whether the shard was not read for longer than records are kept."""
    return bool(connection.scalar(_WAS_LEFT_UNREAD, {"shard": lease.shard}))


def any_unseen(connection: Connection, arn: str, parents: Collection[str], created: Collection[float | None]) -> bool:
    """Return whether one of these parents, which are not listed, was made after the stream was found
    and has no row.
    """
    values = {"arn": arn, "parents": list(parents), "created": list(created)}
    return bool(parents) and bool(connection.scalar(_ANY_UNSEEN, values))


def record_unseen(
    connection: Connection, arn: str, parents: Collection[str], created: Collection[float | None]
) -> None:
    """Keep each such parent as a lost shard with a gap: DynamoDB removed it before it was listed."""
    values = {"arn": arn, "parents": list(parents), "created": list(created)}
    if parents and (missed := connection.execute(_RECORD_UNSEEN, values).rowcount):
        log.error("GAP: shards were removed before they were listed", stream=arn, count=missed)


def any_childless(connection: Connection, arn: str) -> bool:
    """Return whether a shard of the stream ended a day ago and has no child, which is a loss if the stream is on."""
    return bool(connection.scalar(_ANY_CHILDLESS, {"arn": arn}))


def record_childless(connection: Connection, arn: str) -> None:
    """Record a gap for each such shard: its children were lost."""
    if missed := connection.execute(_RECORD_CHILDLESS, {"arn": arn}).rowcount:
        log.error("GAP: shards ended, and their children were never listed", stream=arn, count=missed)
