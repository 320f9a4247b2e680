"""Reads one shard, page by page, from its checkpoint to its end."""

import contextlib
import random
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from typing import Protocol

import structlog

from bridge.ahead import Fetched, ReadAhead
from bridge.intake import Intake
from bridge.streams import IteratorExpired, RecordPage, Shard, ShardGone, Throttled
from bridge.tree import ShardTree
from notifier.errors import DataTrimmed, LeaseLost, NotifierError
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)

SOME_RECORDS_SECONDS = 0.2
EMPTY_SECONDS = 0.5
IDLE_SECONDS = 2.0
_EMPTIES_BEFORE_TIP = 5
_EMPTIES_BEFORE_IDLE = 60
_GONE_TRIES = 3


class Source(Protocol):
    """Where records come from."""

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str: ...
    def records(self, iterator: str) -> RecordPage: ...
    def children(self, arn: str, shard_id: str) -> list[Shard]: ...


class ShardReader:
    """One shard under one lease. `poll` is called by one thread at a time; `ahead` fetches while that records."""

    def __init__(self, lease: ShardLease, source: Source, intake: Intake, tree: ShardTree, ahead: ReadAhead) -> None:
        self.lease = lease
        self.caught_up_at: float | None = None
        """Monotonic time: everything that was written before is recorded."""
        self._source = source
        self._intake = intake
        self._tree = tree
        self._ahead = ahead
        self._checkpoint = lease.checkpoint
        self._iterator: str | None = None
        self._fetching: Fetched[tuple[float, RecordPage]] | None = None
        self._from_horizon = False  # the record after the checkpoint is trimmed
        self._empties = 0
        self._failures = 0
        self._gone = 0

    def poll(self) -> float | None:
        """Read and record one page. Answers the seconds until the next one, None when the shard is done.

        Raises LeaseLost where the shard is somebody else's now.
        """
        try:
            wait = self._poll()
        except IteratorExpired:
            self._iterator = None
            return 0.0
        except DataTrimmed as error:
            return self._trimmed(error)
        except ShardGone as error:
            return self._is_gone(error)
        except LeaseLost:
            raise
        except NotifierError as error:
            return self._failed(error, slow=isinstance(error, Throttled))
        self._failures = self._gone = 0
        return wait

    def close(self) -> None:
        """Let go of the page that was fetched ahead."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            with contextlib.suppress(NotifierError, CancelledError):
                fetching.take()

    def _poll(self) -> float | None:
        asked_at, page = self._next_page()
        self._iterator = page.next_iterator
        if page.full and self._iterator is not None:
            self._fetching = self._ahead.start(partial(self._fetch, self._iterator))
        if page.records:
            self._checkpoint = self._intake.take(self.lease, self._checkpoint, page.records)
            self._from_horizon = False
        if self._iterator is None:  # only after its last records are recorded
            self._finish()
            return None
        return self._pause(page, asked_at)

    def _next_page(self) -> tuple[float, RecordPage]:
        if self._fetching is not None:
            fetching, self._fetching = self._fetching, None
            return fetching.take()
        if self._iterator is None:
            self._iterator = self._start()
        return self._fetch(self._iterator)

    def _fetch(self, iterator: str) -> tuple[float, RecordPage]:
        """The page, and the monotonic time before it was asked for."""
        asked_at = time.monotonic()
        return asked_at, self._source.records(iterator)

    def _start(self) -> str:
        if self._checkpoint is None and not self._from_horizon and self._tree.was_never_read(self.lease):
            self._gap("nothing was read of it for longer than records are kept")
        after = None if self._from_horizon else self._checkpoint
        return self._source.iterator(self.lease.stream_arn, self.lease.shard_id, after)

    def _pause(self, page: RecordPage, asked_at: float) -> float:
        """One empty page is no proof that the tip is reached, nor that the shard is idle: many are."""
        self._empties = 0 if page.records else self._empties + 1
        if self._empties >= _EMPTIES_BEFORE_TIP:
            self.caught_up_at = asked_at
        if page.full:
            return 0.0
        if page.records:
            return SOME_RECORDS_SECONDS
        return EMPTY_SECONDS if self._empties < _EMPTIES_BEFORE_IDLE else IDLE_SECONDS

    def _finish(self) -> None:
        children = _if_it_works(lambda: self._source.children(self.lease.stream_arn, self.lease.shard_id))
        self._tree.finish(self.lease, self._checkpoint, children)
        log.info("shard read to its end", shard=self.lease.shard_id, children=len(children))

    def _trimmed(self, error: DataTrimmed) -> float:
        self._iterator = None
        if self._from_horizon:  # trimmed again between the two calls
            return 0.0
        self._gap(f"records were trimmed before they were read: {error}")
        return 0.0

    def _gap(self, reason: str) -> None:
        self._from_horizon = True
        if self._tree.trimmed(self.lease, reason):
            log.error("GAP: records are lost", shard=self.lease.shard_id, after=self._checkpoint, reason=reason)

    def _is_gone(self, error: ShardGone) -> float | None:
        self._gone += 1
        if self._gone < _GONE_TRIES:  # the listing may be ahead of the shard
            self._iterator = None
            return self._failed(error, slow=True)
        reason = f"the shard vanished before its end: {error}"
        log.error("GAP: records are lost", shard=self.lease.shard_id, after=self._checkpoint, reason=reason)
        self._tree.lose(self.lease, self._checkpoint, reason)
        return None

    def _failed(self, error: NotifierError, *, slow: bool) -> float:
        self._failures += 1
        bound = min(10.0 if slow else 5.0, 0.1 * 2**self._failures)
        log.warning("reading a shard failed", shard=self.lease.shard_id, reason=str(error), tries=self._failures)
        return random.uniform(0.05, bound)  # noqa: S311  jitter


def _if_it_works(list_children: Callable[[], list[Shard]]) -> list[Shard]:
    """The sweep finds children that cannot be listed yet."""
    try:
        return list_children()
    except NotifierError as error:
        log.info("children are left to the sweep", reason=str(error))
        return []
