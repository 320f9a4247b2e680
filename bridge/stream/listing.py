"""The calls of DescribeStream by the reader of a shard. They are skipped while another bridge lists."""

from typing import Protocol

import structlog

from bridge.stream.client import Shard, ShardGone
from bridge.stream.tree import ShardTree
from notifier.errors import NotifierError
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)


class Lister(Protocol):
    """Lists shards: `StreamsClient`, or a test double."""

    def shards(self, arn: str) -> list[Shard]: ...
    def children(self, arn: str, shard_id: str) -> list[Shard]: ...


class ShardListing:
    """Lists shards for a reader, if no other bridge lists now."""

    def __init__(self, lister: Lister, tree: ShardTree) -> None:
        self._lister = lister
        self._tree = tree

    def children(self, lease: ShardLease) -> list[Shard]:
        """Return the children that DynamoDB lists now; none after an error, or if another bridge lists. The shard
        discovery finds the others.
        """
        with self._tree.listing_turn() as turn:
            if not turn:
                return []
            try:
                return self._lister.children(lease.stream_arn, lease.shard_id)
            except NotifierError as error:
                log.info("children could not be listed: discovery will find them", reason=str(error))
                return []

    def may_show(self, lease: ShardLease) -> bool:
        """Return whether DynamoDB lists the shard: True if that is unknown now, False if its stream is gone."""
        with self._tree.listing_turn() as turn:
            if not turn:
                return True
            try:
                listed = self._lister.shards(lease.stream_arn)
            except ShardGone:
                return False
            except NotifierError as error:
                log.warning("a stream could not be listed", stream=lease.stream_arn, reason=str(error))
                return True
        return any(each.shard_id == lease.shard_id for each in listed)
