"""Events that were settled a moment ago are settled once more.

A failover to an asynchronous standby loses the newest commits. An event that was settled in one of those, and deleted
from the queue, would be lost, and with it the proof that a mail was accepted: its second mail would not be counted.
Settling is idempotent: where nothing was lost, the second time changes nothing.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from notifier.database import DatabaseError, is_away
from notifier.feedback import DeadLetter, Feedback
from notifier.outbox import Settled

log = structlog.get_logger(__name__)

KEEP_SECONDS = 10.0
"""So much of the newest commits may be lost; a standby further behind loses events that nobody settles again."""
MOST_EVENTS = 50_000
"""About 50 MB. Above it the oldest are settled again early."""
_AT_ONCE = 500


class Settles(Protocol):
    """The outbox."""

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled: ...

    def idle(self, ago: float = 0.0) -> None: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    events: list[Feedback]
    settled_at: float


class RecentlySettled:
    """Settles like the outbox, and keeps the events for `KEEP_SECONDS`. Shared by the receivers of a process."""

    def __init__(self, outbox: Settles, clock: Callable[[], float] = time.monotonic) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lock = threading.Lock()
        self._batches: deque[_Batch] = deque()
        self._count = 0
        self._was_away = False

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        try:
            settled = self._outbox.settle(events, dead)
        except DatabaseError as error:
            self._was_away = self._was_away or is_away(error)
            raise
        if events:
            with self._lock:
                self._batches.append(_Batch(list(events), self._clock()))
                self._count += len(events)
        return settled

    def idle(self, ago: float = 0.0) -> None:
        self._outbox.idle(ago)

    def settle_again(self) -> None:
        """Settle those that are old enough, and forget them; all of them once the database was away, as that may
        have been a failover. Raise DatabaseError where the database is away: nothing is forgotten then.
        """
        everything, self._was_away = self._was_away, False
        try:
            if everything:
                self._again([each for batch in self._kept() for each in batch.events])
            while batch := self._oldest():
                self._again(batch.events)
                self._forget(batch)
        except DatabaseError:
            self._was_away = everything
            raise

    def _again(self, events: Sequence[Feedback]) -> None:
        for start in range(0, len(events), _AT_ONCE):
            settled = self._outbox.settle(events[start : start + _AT_ONCE])
            if again := settled.fresh + settled.unmatched:
                log.warning(
                    "events were settled again: the database had lost them, or their notifications are recorded now",
                    count=again,
                )

    def _kept(self) -> list[_Batch]:
        with self._lock:
            return list(self._batches)

    def _oldest(self) -> _Batch | None:
        """The first batch, where its time has come."""
        with self._lock:
            if not self._batches:
                return None
            batch = self._batches[0]
            is_due = self._clock() - batch.settled_at >= KEEP_SECONDS or self._count > MOST_EVENTS
            return batch if is_due else None

    def _forget(self, batch: _Batch) -> None:
        with self._lock:
            self._batches.popleft()
            self._count -= len(batch.events)
