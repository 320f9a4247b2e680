"""What a reader asks of the list of shards. Of all bridges one lists at a time, and nobody waits for its turn."""

from typing import Protocol

import structlog

from bridge.stream.client import Shard, ShardGone
from bridge.stream.tree import ShardTree
from notifier.errors import NotifierError
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)


class Lister(Protocol):
    def shards(self, arn: str) -> list[Shard]: ...
    def children(self, arn: str, shard_id: str) -> list[Shard]: ...


class Listing:
    def __init__(self, lister: Lister, tree: ShardTree) -> None:
        self._lister = lister
        self._tree = tree

    def children(self, lease: ShardLease) -> list[Shard]:
        """Those that can be listed right now; the sweep finds the others."""
        with self._tree.listing() as ours:
            if not ours:
                return []
            try:
                return self._lister.children(lease.stream_arn, lease.shard_id)
            except NotifierError as error:
                log.info("children are left to the sweep", reason=str(error))
                return []

    def may_show(self, lease: ShardLease) -> bool:
        """Whether the shard is listed, or nobody can say right now. A stream that is gone lists nothing."""
        with self._tree.listing() as ours:
            if not ours:
                return True
            try:
                listed = self._lister.shards(lease.stream_arn)
            except ShardGone:
                return False
            except NotifierError as error:
                log.warning("a stream could not be listed", stream=lease.stream_arn, reason=str(error))
                return True
        return any(each.shard_id == lease.shard_id for each in listed)
