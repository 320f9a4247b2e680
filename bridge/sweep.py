"""Finds shards: lists all streams of all tables now and then. One bridge does it for all.

At the end of a shard its children are asked for at once; the sweep finds those that DynamoDB did not show then, and
those whose parent's reader died in that moment.
"""

import time
from collections.abc import Sequence

import structlog

from bridge.loops import NextIn
from bridge.streams import ShardGone, Streams
from bridge.tree import ShardTree
from notifier.errors import NotifierError

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 15.0
_EXPECTING_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0


class Sweep:
    """Lists the shards of some tables."""

    def __init__(self, tables: Sequence[str], streams: Streams, tree: ShardTree) -> None:
        self._tables = tables
        self._streams = streams
        self._tree = tree
        self._expecting_until = 0.0

    def expect_children(self) -> None:
        """A shard has ended: look more often for a while."""
        self._expecting_until = time.monotonic() + _PATIENCE_SECONDS

    def run_once(self) -> NextIn:
        """One sweep, unless another bridge is at it; answers when the next is due."""
        with self._tree.sweeping() as ours:
            new = sum(self._sweep(table) for table in self._tables) if ours else 0
        if new:
            log.info("new shards", count=new)
            self._expecting_until = 0.0
        return NextIn(_EXPECTING_SECONDS if time.monotonic() < self._expecting_until else SWEEP_SECONDS)

    def _sweep(self, table: str) -> int:
        """A stream that was switched off is listed no more, and still to be read to its end."""
        arns = dict.fromkeys([*self._listed(table), *self._tree.unfinished_streams(table)])
        return sum(self._register(table, arn) for arn in arns)

    def _listed(self, table: str) -> list[str]:
        """One table in trouble stops no other."""
        try:
            return self._streams.streams(table)
        except NotifierError as error:
            log.warning("the streams of a table could not be listed", table=table, reason=str(error))
            return []

    def _register(self, table: str, arn: str) -> int:
        try:
            return self._tree.register(table, arn, self._streams.shards(arn))
        except ShardGone:
            log.info("the stream is gone", stream=arn)
        except NotifierError as error:
            log.warning("a stream could not be listed", stream=arn, reason=str(error))
        return 0
