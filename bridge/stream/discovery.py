"""Finds shards: lists all streams of this bridge's tables now and then. One bridge at a time.

At the end of a shard its children are asked for at once; the sweep finds those that DynamoDB did not show then, and
those whose parent's reader died in that moment.
"""

from collections.abc import Sequence

import structlog

from bridge.alarms.viewing import ViewWatch
from bridge.loops import NextIn
from bridge.stream.client import Shard, ShardGone, Streams
from bridge.stream.tree import ShardTree, Turn
from notifier.errors import NotifierError
from notifier.outbox import Discovery

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 15.0
EXPECTING_SECONDS = 1.0
BUSY_SECONDS = 1.0
"""How long a bridge waits that came while another one listed: that one may have other tables."""


class Sweep:
    """Lists the shards of some tables."""

    def __init__(
        self,
        tables: Sequence[str],
        streams: Streams,
        tree: ShardTree,
        views: ViewWatch | None = None,
        discovery: Discovery | None = None,
    ) -> None:
        self._tables = tables
        self._streams = streams
        self._tree = tree
        self._views = views
        self._discovery = discovery
        self._error: str | None = None  # of the table that is swept

    def run_once(self) -> NextIn:
        """One sweep, unless another bridge lists shards now; returns when the next is due."""
        with self._tree.listing() as ours:
            if not ours:
                return NextIn(BUSY_SECONDS)
            new = sum(self._sweep(table, ours) for table in self._tables)
        if new:
            log.info("new shards", count=new)
        return NextIn(EXPECTING_SECONDS if self._tree.expects_children(self._tables) else SWEEP_SECONDS)

    def _sweep(self, table: str, turn: Turn) -> int:
        """A stream that was switched off is listed no more, and still to be read to its end. Raises DatabaseError
        where the turn to list is over.
        """
        self._error = None
        arns = dict.fromkeys([*self._listed(table), *self._tree.unfinished_streams(table)])
        let_go = self._tree.let_go(table)
        new = 0
        for arn in arns:
            turn.keep()
            if arn not in let_go:
                new += self._register(table, arn)
        turn.keep()
        if self._discovery is not None:
            self._discovery.note(table, self._error, stream_on=self._is_on(self._discovery.childless_stream(table)))
        return new

    def _is_on(self, arn: str | None) -> bool | None:
        """Whether that stream, whose ended shards have no children, takes records. None where nobody can say now."""
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
        """One table in trouble stops no other."""
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
        try:
            new = self._tree.register(table, arn, self._list(arn))
            if self._views is not None:
                self._views.look(table, arn)
            if self._tree.has_childless(arn) and self._streams.is_on(arn):
                self._tree.tell_childless(arn)
        except ShardGone:
            log.warning("the stream is gone", stream=arn)
        except NotifierError as error:
            log.warning("a stream could not be listed", stream=arn, reason=str(error))
            self._error = str(error)
        else:
            return new
        return 0

    def _list(self, arn: str) -> list[Shard]:
        """Shards may come up behind the page that would show them: what looks like a loss is looked at twice."""
        shards = self._streams.shards(arn)
        if self._tree.misses_a_parent(arn, shards):
            shards += self._streams.shards(arn)
        return list({each.shard_id: each for each in shards}.values())
