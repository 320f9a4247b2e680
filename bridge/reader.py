"""Reads one shard, page by page, from its checkpoint to its end."""

import random
from typing import Protocol

import structlog

from bridge.intake import Intake
from bridge.leases import Leases
from bridge.streams import IteratorExpired, RecordPage, ShardGone, Throttled
from notifier.errors import DataTrimmed, LeaseLost, NotifierError
from notifier.outbox import ShardLease

log = structlog.get_logger(__name__)

FULL_PAGE_SECONDS = 0.0
SOME_RECORDS_SECONDS = 0.2
EMPTY_SECONDS = 0.5
IDLE_SECONDS = 2.0
_EMPTIES_BEFORE_IDLE = 60
_FULL_PAGE = 1_000
_GONE_TRIES = 3


class Source(Protocol):
    """Where records come from."""

    def iterator(self, arn: str, shard_id: str, after: str | None) -> str: ...
    def records(self, iterator: str) -> RecordPage: ...


class ShardReader:
    """One shard under one lease. `poll` is called by one thread at a time."""

    def __init__(self, lease: ShardLease, source: Source, intake: Intake, leases: Leases) -> None:
        self.lease = lease
        self._source = source
        self._intake = intake
        self._leases = leases
        self._checkpoint = lease.checkpoint
        self._iterator: str | None = None
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
            self._lost(f"records were trimmed before they were read: {error}")
            return 0.0
        except ShardGone as error:
            return self._is_gone(error)
        except LeaseLost:
            raise
        except NotifierError as error:
            return self._failed(error, slow=isinstance(error, Throttled))
        self._failures = self._gone = 0
        return wait

    def _poll(self) -> float | None:
        if self._iterator is None:
            after = None if self._from_horizon else self._checkpoint
            self._iterator = self._source.iterator(self.lease.stream_arn, self.lease.shard_id, after)
        page = self._source.records(self._iterator)
        if page.records:
            self._checkpoint = self._intake.take(self.lease, self._checkpoint, page.records)
            self._from_horizon = False
        self._iterator = page.next_iterator
        if self._iterator is None:  # only after its last records are recorded
            self._finish()
            return None
        return self._pause(len(page.records))

    def _pause(self, records: int) -> float:
        self._empties = 0 if records else self._empties + 1
        if records >= _FULL_PAGE:
            return FULL_PAGE_SECONDS
        if records:
            return SOME_RECORDS_SECONDS
        return EMPTY_SECONDS if self._empties < _EMPTIES_BEFORE_IDLE else IDLE_SECONDS

    def _finish(self) -> None:
        if not self._leases.finish(self.lease, self._checkpoint):
            raise LeaseLost(f"{self.lease.shard_id} was taken before it was finished")
        log.info("shard read to its end", shard=self.lease.shard_id, checkpoint=self._checkpoint)

    def _lost(self, reason: str) -> None:
        log.error("GAP: records are lost", shard=self.lease.shard_id, after=self._checkpoint, reason=reason)
        self._leases.record_gap(self.lease, reason)
        self._iterator = None
        self._from_horizon = True

    def _is_gone(self, error: ShardGone) -> float | None:
        self._gone += 1
        if self._gone < _GONE_TRIES:  # the listing may be ahead of the shard
            self._iterator = None
            return self._failed(error, slow=True)
        self._lost(f"the shard vanished before its end: {error}")
        self._leases.finish(self.lease, self._checkpoint, lost=True)
        return None

    def _failed(self, error: NotifierError, *, slow: bool) -> float:
        self._failures += 1
        bound = min(10.0 if slow else 5.0, 0.1 * 2**self._failures)
        log.warning("reading a shard failed", shard=self.lease.shard_id, reason=str(error), tries=self._failures)
        return random.uniform(0.05, bound)  # noqa: S311  jitter
