"""Reads again the shards that an operator rewound (`notifier rewind`), while their new records are read too."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from bridge.fitting import fitted
from bridge.outbox_limit import FULL_SECONDS, OutboxLimit
from bridge.stream.classification import classify_rewound, lease_for
from bridge.stream.client import ShardGone, StreamThrottled
from bridge.stream.listing import ShardListing
from bridge.stream.page import RecordPage
from bridge.stream.reader import GONE_SECONDS, TRIES_OF_AN_ITERATOR, RecordSource
from bridge.stream.tree import ShardTree
from notifier.database.errors import DatabaseError, cause, is_answer
from notifier.errors import DataTrimmed, LeaseLost, NotifierError, Unreachable
from notifier.outbox import Rewind, RewindPage, RewindResult, Rewinds
from notifier.outbox.rewinds.pages import WAITS_FOR_ROOM
from notifier.process.loops import NextIn
from notifier.routes import Routes

log = structlog.get_logger(__name__)

IDLE_SECONDS = 2.0
PAGE_SECONDS = 0.1
"""The pause between two pages: a reader polls the same shard for new records, and both count against its limits."""
EMPTY_SECONDS = 0.5
REST_SECONDS = 60.0
"""How long no bridge takes a rewind that failed too often in a row, so that others are done first."""
_MOST_FAILURES = 2 * TRIES_OF_AN_ITERATOR
_EMPTIES_BEFORE_END = 60
_LIMIT_PART = 0.5
"""The part of a queue's mark above which a rewind waits, so that room is left for new records."""


class Rewinder:
    """Carries out one rewind at a time, of the tables of this bridge that have a route."""

    def __init__(
        self,
        rewinds: Rewinds,
        source: RecordSource,
        routes: Routes,
        tables: Sequence[str],
        tree: ShardTree,
        limit: OutboxLimit,
        not_before: datetime | None = None,
        gone_seconds: float = GONE_SECONDS,
    ) -> None:
        """`gone_seconds` is how long DynamoDB must return ResourceNotFound for the shard before it counts as gone; it
        must not be listed either.
        """
        self._rewinds = rewinds
        self._source = source
        self._routes = routes
        self._tables = [table for table in tables if routes.has_table(table)]
        self._not_before = not_before or datetime.min.replace(tzinfo=UTC)
        self._gone_seconds = gone_seconds
        self._listing = ShardListing(source, tree)
        self._limit = limit
        self._rewind: Rewind | None = None
        self._last: int | None = None
        self._forget()

    def run_once(self) -> NextIn:
        """Read one page of a rewind, or record the next records of one; return when the next is due. Raise what the
        stream and the database raise; the next call goes on from the position in the database.
        """
        if self._rewind is None and not self._take():
            return NextIn(IDLE_SECONDS)
        try:
            return NextIn(self._step())
        except LeaseLost as error:
            log.info("rewind given up", reason=str(error))
            self._forget()
            return NextIn(0.0)
        except DatabaseError as error:  # only the database knows whether the page was recorded
            self._after_database_error(error)
            raise

    def _take(self) -> bool:
        self._rewind = self._rewinds.take(self._tables) if self._tables else None
        if self._rewind is None:
            return False
        if self._rewind.id != self._last:
            self._last = self._rewind.id
            since = self._rewind.since.isoformat() if self._rewind.since else "the oldest record"
            log.info("reading a shard again", shard=self._rewind.shard_id, table=self._rewind.table, since=since)
        return True

    def _forget(self) -> None:
        self._rewind = None
        self._iterator: str | None = None
        self._page: RecordPage | None = None  # of which records are left
        self._from_horizon = False
        self._empties = 0
        self._failures = 0

    def _step(self) -> float:
        assert self._rewind is not None  # noqa: S101  narrows the type
        rewind = self._rewind
        try:
            wait = self._read(rewind)
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:  # noqa: BLE001
            return self._after_error(rewind, error)
        self._failures = 0
        return wait

    def _read(self, rewind: Rewind) -> float:
        if (page := self._page) is None:
            self._iterator = self._iterator or self._begin(rewind)
            page = self._source.records(self._iterator).read()
            self._empties = 0 if page.records else self._empties + 1
        full = self._record(rewind, page)
        if full is not None:
            self._give_back(rewind, f"{WAITS_FOR_ROOM} {full}", FULL_SECONDS)
        if self._rewind is None or self._page is not None:
            return 0.0
        self._iterator = page.next_iterator  # not before its page is recorded
        return PAGE_SECONDS if page.records else EMPTY_SECONDS

    def _begin(self, rewind: Rewind) -> str:
        after = None if self._from_horizon else rewind.position
        return self._source.iterator(rewind.stream_arn, rewind.shard_id, after)

    def _record(self, rewind: Rewind, page: RecordPage) -> str | None:
        """Record what is left of the page, of at most MOST_SECONDS and as far as its queues have room; return the
        queue without room, None if all had room.
        """

        def classify(some: Sequence[dict[str, Any]]) -> RewindPage:
            return classify_rewound(rewind, some, self._routes, self._not_before)

        with fitted(self._limit, page.records, classify, _LIMIT_PART) as fitting:
            again = fitting.page
            self._page = page if again.more else None
            whole = fitting.full is None and not again.more
            at_end = whole and (page.next_iterator is None or self._is_at_the_end(rewind))
            outcome = "done" if at_end or again.position == rewind.until else None
            fitting.used = self._correct(rewind, again, outcome).queues
        return fitting.full

    def _is_at_the_end(self, rewind: Rewind) -> bool:
        """Return whether nothing is left to read. A shard whose last record is trimmed returns empty pages only,
        and does not end.
        """
        return self._empties >= _EMPTIES_BEFORE_END and self._rewinds.is_forgotten(rewind)

    def _correct(self, rewind: Rewind, again: RewindPage, outcome: str | None) -> RewindResult:
        found = self._rewinds.correct(rewind, again, outcome)
        if found.routed or found.released:
            facts = {
                "routed": found.routed,
                "notifications": found.notifications,
                "out_of_quarantine": found.released,
            }
            log.info("records have a route now", shard=rewind.shard_id, **facts)
        self._from_horizon = self._from_horizon and again.position == rewind.position
        if outcome is None:
            self._rewind = replace(rewind, position=again.position)
            return found
        if outcome == "done":
            log.info("the shard was read again", shard=rewind.shard_id, table=rewind.table)
        self._forget()
        return found

    def _after_error(self, rewind: Rewind, error: Exception) -> float:
        """Try again as ShardReader does: with the same iterator, another one, or from the oldest record that is left.
        Each failure is written to the rewind's row: that prolongs its lease, and raises LeaseLost if an operator
        cancelled it.
        """
        self._page = None
        if isinstance(error, DataTrimmed) and not self._from_horizon:
            self._iterator = None
            self._from_horizon = True
            return 0.0
        self._failures += 1
        if not isinstance(error, StreamThrottled | Unreachable) or self._failures % TRIES_OF_AN_ITERATOR == 0:
            self._iterator = None
        reason = _reason(error)
        gone_for = self._rewinds.failed(rewind, reason, gone=isinstance(error, ShardGone))
        if isinstance(error, ShardGone) and self._is_gone(rewind, gone_for):
            log.warning(
                "a shard is gone before it was read again: its records stay unrouted or in quarantine",
                shard=rewind.shard_id,
                table=rewind.table,
            )
            self._correct(rewind, RewindPage(rewind.position, 0), "gone")
            return 0.0
        if self._failures >= _MOST_FAILURES:
            facts = {"shard": rewind.shard_id, "table": rewind.table, "reason": reason, "seconds": REST_SECONDS}
            log.warning("a shard cannot be read again now: its rewind pauses, and others are done first", **facts)
            self._give_back(rewind, reason, REST_SECONDS)
        raise error

    def _after_database_error(self, error: DatabaseError) -> None:
        """Forget the rewind. If the server refused a statement, which it may do again and again, the rewind pauses,
        with the error in its row.
        """
        rewind = self._rewind
        self._forget()
        if rewind is not None and is_answer(error):
            with suppress(LeaseLost, DatabaseError):
                self._rewinds.failed(rewind, f"its records cannot be recorded: {cause(error)}", rest=REST_SECONDS)

    def _is_gone(self, rewind: Rewind, gone_for: float | None) -> bool:
        if gone_for is None or gone_for < self._gone_seconds:
            return False
        return not self._listing.may_show(lease_for(rewind))

    def _give_back(self, rewind: Rewind, reason: str, seconds: float) -> None:
        self._rewinds.failed(rewind, reason, rest=seconds)
        self._forget()


def _reason(error: Exception) -> str:
    """Return the error in one line. Only the type of an unexpected error, whose text may quote a record."""
    if isinstance(error, NotifierError):
        return " ".join(str(error).split())[:300]
    return f"a mistake in Notifier: {type(error).__name__}"
