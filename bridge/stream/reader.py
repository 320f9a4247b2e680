"""Reads one shard, page by page, from its checkpoint to its end."""

import random
import time
from functools import partial
from typing import Protocol

import structlog

from bridge.counters import STREAM_ERRORS
from bridge.outbox_limit import FULL_SECONDS, QueueFull
from bridge.stream.client import IteratorExpired, ShardGone, StreamRefused, StreamThrottled
from bridge.stream.intake import Intake
from bridge.stream.listing import Lister, ShardListing
from bridge.stream.page import RecordPage, UnreadPage
from bridge.stream.prefetch import Prefetched, Prefetcher
from bridge.stream.tree import ShardTree
from notifier.errors import DataTrimmed, LeaseLost, NotifierError
from notifier.outbox import ShardLease
from notifier.process.clock import boottime
from notifier.retry import backoff

log = structlog.get_logger(__name__)

SOME_RECORDS_SECONDS = 0.2
"""The pause after a page that has records and is not full. The bridge makes a turn of it: see `bridge/turns.py`."""
EMPTY_SECONDS = 0.5
"""The pause after an empty page."""
IDLE_SECONDS = 2.0
"""The pause after an empty page once `_EMPTIES_BEFORE_IDLE` pages in a row were empty."""
_LONG_BACKOFF = (StreamThrottled, ShardGone, StreamRefused)
_EMPTIES_BEFORE_TIP = 5
_EMPTIES_BEFORE_IDLE = 60
_THROTTLES_BEFORE_HINT = 10
TRIES_OF_AN_ITERATOR = 5
"""Failures in a row, of whatever kind, after which reading goes on with a new iterator from the checkpoint."""
GONE_SECONDS = 30.0
_LABELS: dict[type[NotifierError], str] = {StreamThrottled: "Throttled", StreamRefused: "Refused"}
"""Values of the metric's label `error` that are not the name of the class."""


class RecordSource(Lister, Protocol):
    """Where records are read from: `StreamsClient`, or a test double."""

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str: ...
    def records(self, iterator: str) -> RecordPage | UnreadPage: ...


class ShardReader:
    """Reads one shard under one lease. `poll` is called by one thread at a time; `prefetcher` fetches the next page
    while that thread records.
    """

    def __init__(
        self,
        lease: ShardLease,
        source: RecordSource,
        intake: Intake,
        tree: ShardTree,
        prefetcher: Prefetcher,
        gone_seconds: float = GONE_SECONDS,
    ) -> None:
        """`gone_seconds` is how long DynamoDB must return ResourceNotFound for the shard before it counts as lost."""
        self.lease = lease
        self.caught_up_at: float | None = None
        """Time of `boottime`: all records that were written to the shard before it are recorded."""
        self._source = source
        self._intake = intake
        self._tree = tree
        self._listing = ShardListing(source, tree)
        self._prefetcher = prefetcher
        self._checkpoint = lease.checkpoint
        self._iterator: str | None = None
        self._fetching: Prefetched[tuple[float, RecordPage | UnreadPage]] | None = None
        self._from_horizon = False  # True while it starts at the oldest record, because the next one was trimmed
        self._full_queue: str | None = None  # the queue without room for the next record
        self._empties = 0
        self._expired = False
        self._failures = 0
        self._gone_seconds = gone_seconds
        self._gone_since: float | None = None

    def poll(self) -> float | None:
        """Read and record one page; return the seconds until the next one is due, None if the shard is done.

        Raise LeaseLost if another bridge has the shard now.
        """
        if self._full_queue is not None and not self._intake.has_room(self._full_queue):
            return FULL_SECONDS
        self._full_queue = None
        try:
            wait = self._poll()
        except LeaseLost:
            raise
        except QueueFull as full:
            self._full_queue = full.queue
            wait = FULL_SECONDS
        except NotifierError as error:
            return self._after_error(error)
        self._expired = False
        self._failures = 0
        self._gone_since = None
        return wait

    def _after_error(self, error: NotifierError) -> float | None:
        STREAM_ERRORS.labels(_LABELS.get(type(error), type(error).__name__)).inc()
        match error:
            case DataTrimmed():
                return self._after_trimmed(error)
            case IteratorExpired():
                return self._after_expired(error)
            case ShardGone():
                return self._after_gone(error)
            case StreamRefused():
                self._iterator = None  # the cause may be the iterator
        return self._failed(error)

    def close(self) -> None:
        """Discard the prefetched page. Does not block and raises nothing."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            fetching.abandon()

    def _poll(self) -> float | None:
        asked_at, came = self._next_page()
        with self._prefetcher.room.reserve(came.size):
            return self._process(asked_at, came.read())

    def _process(self, asked_at: float, page: RecordPage) -> float | None:
        if page.full and page.next_iterator is not None:
            self._fetching = self._prefetcher.start(partial(self._fetch, page.next_iterator))
        if page.records:
            self._record(page)
        self._iterator = page.next_iterator  # not before its page is recorded
        if self._iterator is None:  # only after its last records are recorded
            self._finish()
            return None
        return self._pause(page, asked_at)

    def _record(self, page: RecordPage) -> None:
        before = self._checkpoint
        try:
            self._checkpoint = self._intake.take(self.lease, before, page.records)
        except BaseException as error:
            self.close()  # discard the prefetched page: this page must be read again first
            if isinstance(error, QueueFull):  # only part of the page is recorded: read the rest again
                self._checkpoint, self._iterator = error.checkpoint, None
            raise
        finally:
            self._from_horizon = self._from_horizon and self._checkpoint == before

    def _next_page(self) -> tuple[float, RecordPage | UnreadPage]:
        if self._fetching is not None:
            fetching, self._fetching = self._fetching, None
            return fetching.take()
        if self._iterator is None:
            self._iterator = self._start()
        return self._fetch(self._iterator)

    def _fetch(self, iterator: str) -> tuple[float, RecordPage | UnreadPage]:
        """Return the page, and the time of `boottime` before the request for it."""
        asked_at = boottime()
        return asked_at, self._source.records(iterator)

    def _start(self) -> str:
        if not self._from_horizon and self._tree.was_left_unread(self.lease):
            self._note_gap("nothing was read of it for longer than records are kept")
        after = None if self._from_horizon else self._checkpoint
        return self._source.iterator(self.lease.stream_arn, self.lease.shard_id, after)

    def _pause(self, page: RecordPage, asked_at: float) -> float:
        """Return the seconds until the next page. DynamoDB may return empty pages before the tip of a shard: only
        several in a row show that the tip is reached, and many that the shard is idle.
        """
        self._empties = 0 if page.records else self._empties + 1
        if self._empties >= _EMPTIES_BEFORE_TIP:
            self.caught_up_at = asked_at
        if page.full:
            return 0.0
        if page.records:
            return SOME_RECORDS_SECONDS
        return EMPTY_SECONDS if self._empties < _EMPTIES_BEFORE_IDLE else IDLE_SECONDS

    def _finish(self) -> None:
        children = self._listing.children(self.lease)
        self._tree.finish(self.lease, self._checkpoint, children)
        log.info("shard read to its end", shard=self.lease.shard_id, children=len(children))

    def _after_expired(self, error: IteratorExpired) -> float:
        """Use another iterator: one is valid for 15 minutes. If its replacement has expired too, back off."""
        self._iterator = None
        again, self._expired = self._expired, True
        return self._failed(error) if again else 0.0

    def _after_trimmed(self, error: DataTrimmed) -> float:
        self._iterator = None
        if self._from_horizon:  # trimmed between GetShardIterator and GetRecords
            return self._failed(error)
        self._note_gap(f"records were trimmed before they were read: {error}")
        return 0.0

    def _note_gap(self, reason: str) -> None:
        """Continue from the oldest record that is left; record a gap if records may have been lost."""
        self._from_horizon = True
        if self._tree.record_trimmed(self.lease, reason):
            log.error("GAP: records may be lost", shard=self.lease.shard_id, after=self._checkpoint, reason=reason)

    def _after_gone(self, error: ShardGone) -> float | None:
        """Mark the shard as lost once DynamoDB has returned ResourceNotFound for `gone_seconds` and does not list it:
        a new shard may be listed before it can be read.
        """
        self._iterator = None
        self._gone_since = self._gone_since or time.monotonic()
        if time.monotonic() < self._gone_since + self._gone_seconds or self._listing.may_show(self.lease):
            return self._failed(error)
        reason = f"DynamoDB removed the shard before its end: {error}"
        log.error("GAP: records may be lost", shard=self.lease.shard_id, after=self._checkpoint, reason=reason)
        self._tree.mark_lost(self.lease, self._checkpoint, reason)
        return None

    def _failed(self, error: NotifierError) -> float:
        """Log it, and return the seconds until the next try. DynamoDB may answer 500 to each call with one iterator:
        after TRIES_OF_AN_ITERATOR failures another one is used.
        """
        self._failures += 1
        if self._failures % TRIES_OF_AN_ITERATOR == 0:
            self._iterator = None
        facts = {"shard": self.lease.shard_id, "reason": str(error), "tries": self._failures}
        if isinstance(error, StreamRefused):
            log.error("reading a shard was refused", **facts)
        elif isinstance(error, StreamThrottled) and self._failures >= _THROTTLES_BEFORE_HINT:
            log.warning("reading a shard is throttled: more than two consumers may be reading it", **facts)
        else:
            log.warning("reading a shard failed, will try again", **facts)
        bound = backoff(0.2, self._failures, 10.0 if isinstance(error, _LONG_BACKOFF) else 5.0)
        return random.uniform(0.05, bound)  # noqa: S311  jitter
