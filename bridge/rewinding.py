"""Reads shards again that an operator rewound, one page after the other, beside the reading of what is new."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from bridge.decode import sequence_number
from bridge.intake import judge
from bridge.loops import NextIn
from bridge.reader import GONE_SECONDS, Source
from bridge.streams import IteratorExpired, Refused, ShardGone
from notifier.database import DatabaseError
from notifier.errors import DataTrimmed, LeaseLost, NotifierError
from notifier.outbox import Reread, Rewind, Rewinds, ShardLease
from notifier.routes import Routes

log = structlog.get_logger(__name__)

IDLE_SECONDS = 2.0
PAGE_SECONDS = 0.1
"""Between two pages: the shard is read for what is new at the same time."""
EMPTY_SECONDS = 0.5
_EMPTIES_BEFORE_END = 60


class Rewinder:
    """Does one rewind at a time, of the tables of this bridge that it has a route for."""

    def __init__(
        self,
        rewinds: Rewinds,
        source: Source,
        routes: Routes,
        tables: Sequence[str],
        not_before: datetime | None = None,
        gone_seconds: float = GONE_SECONDS,
    ) -> None:
        """`gone_seconds` is how long DynamoDB must deny the shard before nothing of it is left to read."""
        self._rewinds = rewinds
        self._source = source
        self._routes = routes
        self._tables = [table for table in tables if routes.has_table(table)]
        self._not_before = not_before or datetime.min.replace(tzinfo=UTC)
        self._gone_seconds = gone_seconds
        self._rewind: Rewind | None = None
        self._forget()

    def run_once(self) -> NextIn:
        """Read one page of a rewind again; returns when the next is due. What fails is done again from the database's
        position: raises what the stream and the database raise.
        """
        if self._rewind is None and not self._take():
            return NextIn(IDLE_SECONDS)
        try:
            return NextIn(self._page())
        except LeaseLost as error:
            log.info("rewind given up", reason=str(error))
            self._forget()
            return NextIn(0.0)
        except DatabaseError:  # only the database knows whether the page was recorded
            self._forget()
            raise

    def _take(self) -> bool:
        self._rewind = self._rewinds.take(self._tables) if self._tables else None
        if self._rewind is None:
            return False
        since = self._rewind.since.isoformat() if self._rewind.since else "the oldest record"
        log.info("reading a shard again", shard=self._rewind.shard_id, table=self._rewind.table, since=since)
        return True

    def _forget(self) -> None:
        self._rewind = None
        self._iterator: str | None = None
        self._from_horizon = False
        self._empties = 0
        self._gone_since: float | None = None

    def _page(self) -> float:
        assert self._rewind is not None  # noqa: S101  narrows the type
        rewind = self._rewind
        try:
            if self._iterator is None:
                after = None if self._from_horizon else rewind.position
                self._iterator = self._source.iterator(rewind.stream_arn, rewind.shard_id, after)
            page = self._source.records(self._iterator)
        except NotifierError as error:
            return self._trouble(rewind, error)
        self._gone_since = None
        self._iterator = page.next_iterator
        self._empties = 0 if page.records else self._empties + 1
        self._record(rewind, page.records)
        if not page.records:
            return EMPTY_SECONDS
        return 0.0 if self._rewind is None else PAGE_SECONDS

    def _record(self, rewind: Rewind, records: Sequence[dict[str, Any]]) -> None:
        again = reread(rewind, records, self._routes, self._not_before)
        ended = self._iterator is None or again.position == rewind.until or self._is_at_the_end(rewind)
        self._correct(rewind, again, "done" if ended else None)

    def _is_at_the_end(self, rewind: Rewind) -> bool:
        """An idle shard whose last record is trimmed shows no record any more: empty pages only, without an end."""
        return self._empties >= _EMPTIES_BEFORE_END and self._rewinds.is_forgotten(rewind)

    def _correct(self, rewind: Rewind, again: Reread, outcome: str | None) -> None:
        found = self._rewinds.correct(rewind, again, outcome)
        if found.routed or found.released:
            facts = {"routed": found.routed, "out_of_quarantine": found.released}
            log.info("records have a route now", shard=rewind.shard_id, **facts)
        self._from_horizon = self._from_horizon and again.position == rewind.position
        if outcome is None:
            self._rewind = replace(rewind, position=again.position)
            return
        log.info("the shard was read again", shard=rewind.shard_id, table=rewind.table, outcome=outcome)
        self._forget()

    def _trouble(self, rewind: Rewind, error: NotifierError) -> float:
        """What the reading of a shard does, too: another iterator, or the oldest record that is left."""
        match error:
            case IteratorExpired():
                self._iterator = None
            case DataTrimmed() if not self._from_horizon:
                self._iterator = None
                self._from_horizon = True
                return 0.0
            case ShardGone():
                self._iterator = None
                self._gone_since = self._gone_since or time.monotonic()
                if time.monotonic() >= self._gone_since + self._gone_seconds:
                    self._correct(rewind, Reread(rewind.position, 0), "gone")
                    return 0.0
            case DataTrimmed() | Refused():
                self._iterator = None
        raise error


def reread(rewind: Rewind, records: Sequence[dict[str, Any]], routes: Routes, not_before: datetime) -> Reread:
    """What the records of a page, up to the end of the rewind, become with these routes. Pure.

    Records before the position were read again already; those before `since` are passed over. A record without a
    sequence number cannot be understood, so it stays in quarantine.
    """
    lease = ShardLease(
        rewind.shard, rewind.shard_id, rewind.stream_arn, rewind.table, rewind.owner, rewind.epoch, rewind.position
    )
    place, until = -1 if rewind.position is None else int(rewind.position), int(rewind.until)
    position, examined = rewind.position, 0
    made, unrouted = [], []
    for record in records:
        number = sequence_number(record)
        if number is None or int(number) <= place:
            continue
        place = int(number)
        if place > until:
            position = rewind.until
            break
        position = rewind.until if place == until else number
        created_at, notification, error = judge(lease, record, routes, not_before)
        if created_at is None or error is not None or (rewind.since is not None and created_at < rewind.since):
            continue
        examined += 1
        if notification is None:
            unrouted.append(number)
        else:
            made.append(notification)
    return Reread(position, examined, made, unrouted)
