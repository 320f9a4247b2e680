"""Finds shards: lists all streams of this bridge's tables every 15 seconds. Of all bridges one lists at a time.

The reader of a shard asks for its children when the shard ends. The discovery finds children that DynamoDB did not
show then, and those whose parent's reader was killed in that moment.
"""

from collections.abc import Sequence

import structlog

from bridge.alarms.views import ViewWatch
from bridge.stream.client import Shard, ShardGone, StreamsClient
from bridge.stream.tree import ListingTurn, ShardTree
from notifier.errors import NotifierError
from notifier.outbox import Discovery
from notifier.process.loops import NextIn

log = structlog.get_logger(__name__)

DISCOVERY_SECONDS = 15.0
EXPECTING_SECONDS = 1.0
"""Seconds until the next listing while a child of a shard that has just ended is missing."""
BUSY_SECONDS = 1.0
"""Seconds until the next try while another bridge lists: it may list other tables."""


class ShardDiscovery:
    """Finds the shards of some tables, and notes for each table whether it could be listed."""

    def __init__(
        self,
        tables: Sequence[str],
        streams: StreamsClient,
        tree: ShardTree,
        views: ViewWatch,
        discovery: Discovery,
    ) -> None:
        self._tables = tables
        self._streams = streams
        self._tree = tree
        self._views = views
        self._discovery = discovery
        self._error: str | None = None  # of the table that is listed now

    def run_once(self) -> NextIn:
        """List all tables, unless another bridge lists now; return when to do it again."""
        with self._tree.listing_turn() as turn:
            if not turn:
                return NextIn(BUSY_SECONDS)
            new = sum(self._discover(table, turn) for table in self._tables)
        if new:
            log.info("new shards", count=new)
        return NextIn(EXPECTING_SECONDS if self._tree.expects_children(self._tables) else DISCOVERY_SECONDS)

    def _discover(self, table: str, turn: ListingTurn) -> int:
        """Register the shards of the table; return how many are new. A stream that was switched off is not listed any
        more, and has still to be read to its end. Raise DatabaseError if the turn to list is over.
        """
        self._error = None
        arns = dict.fromkeys([*self._listed(table), *self._tree.unfinished_streams(table)])
        let_go = self._tree.let_go(table)
        new = 0
        for arn in arns:
            turn.keep_alive()
            if arn not in let_go:
                new += self._register(table, arn)
        turn.keep_alive()
        self._discovery.note(table, self._error, stream_on=self._is_on(self._discovery.childless_stream(table)))
        return new

    def _is_on(self, arn: str | None) -> bool | None:
        """Return whether that stream, whose ended shards have no children, takes records; None if that is unknown."""
        if arn is None:
            return True
        try:
            return self._streams.is_on(arn)
        except ShardGone:
            return False
        except NotifierError as error:
            log.warning("a stream could not be asked for its status", stream=arn, reason=str(error))
            return None

    def _listed(self, table: str) -> list[str]:
        """Return the ARNs of the table's streams; none after an error, so that the other tables are listed."""
        try:
            listed = self._streams.streams(table)
        except NotifierError as error:
            log.warning("the streams of a table could not be listed", table=table, reason=str(error))
            self._error = str(error)
            return []
        if not listed:
            self._error = "the table has no stream"
        return listed

    def _register(self, table: str, arn: str) -> int:
        """Register the shards of the stream; return how many are new, 0 after an error."""
        try:
            new = self._tree.register(table, arn, self._list(arn))
            self._views.compare(table, arn)
            if self._tree.has_childless_shards(arn) and self._streams.is_on(arn):
                self._tree.record_childless_gaps(arn)
        except ShardGone:
            log.warning("the stream is gone", stream=arn)
        except NotifierError as error:
            log.warning("a stream could not be listed", stream=arn, reason=str(error))
            self._error = str(error)
        else:
            return new
        return 0

    def _list(self, arn: str) -> list[Shard]:
        """List the stream, twice if a parent is missing: shards may be made while the pages are read, and would look
        like children of a lost shard.
        """
        shards = self._streams.shards(arn)
        if self._tree.listing_is_incomplete(arn, shards):
            shards += self._streams.shards(arn)
        return list({each.shard_id: each for each in shards}.values())
