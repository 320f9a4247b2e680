"""Settles the events of the last minute once more after a failover of the database.

A failover to an asynchronous standby loses the newest commits. An event that was settled in one of them was deleted
from the queue and would be lost, and with it the proof that a mail was accepted: a second mail would not be counted.
Settling is idempotent: if nothing was lost, the second time changes nothing.

A failover shows by a new connection, or by another server at the other end of an old one: a pooler keeps its clients'
connections.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

import structlog

from notifier.database.errors import DatabaseError, cause, is_refused
from notifier.database.server import Server
from notifier.feedback import DeadLetter, Feedback
from notifier.health.write_health import WriteHealth
from notifier.outbox import Settled

log = structlog.get_logger(__name__)

KEEP_SECONDS = 60.0
"""How far a standby may be behind. Events that were settled earlier are not settled again."""
MOST_EVENTS = 50_000
"""About 50 MB. If there are more, the oldest are forgotten early."""
_AT_ONCE = 500

T = TypeVar("T")


class Settler(Protocol):
    """Settles events: `notifier.outbox.Settlement`, or RecentlySettled around it."""

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled: ...

    def match_again(self) -> bool: ...

    def note_settled_before(self, ago: float = 0.0) -> None: ...


@dataclass(frozen=True, slots=True)
class _SettledBatch:
    events: list[Feedback]
    settled_at: float


class RecentlySettled:
    """Settles events in the outbox, and keeps them for KEEP_SECONDS. Shared by the receivers of a process.

    `server` returns which server answers now. `recording` notes whether this process can write to the database, which
    a receiver without messages does not find out.
    """

    def __init__(
        self, settler: Settler, server: Callable[[], Server], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settler = settler
        self._server = server
        self._clock = clock
        self.recording = WriteHealth(clock)
        self._lock = threading.Lock()
        self._batches: deque[_SettledBatch] = deque()
        self._count = 0
        self._started_at: datetime | None = None  # of the server that answered last
        self._is_due = False

    def connected(self) -> None:
        """Note that there is a new connection to the database: it may lead to another server."""
        self._is_due = True

    def settle(self, events: Sequence[Feedback], dead: Sequence[DeadLetter] = ()) -> Settled:
        settled = self._write(lambda: self._settler.settle(events, dead))
        if events:
            self._keep(list(events))
        return settled

    def note_settled_before(self, ago: float = 0.0) -> None:
        self._write(lambda: self._settler.note_settled_before(ago))

    def match_again(self) -> bool:
        """Match kept events with notifications that were recorded later; return whether there may be more.

        A success does not count as a write: mostly there is nothing to match.
        """
        return self._noted(self._settler.match_again)

    def settle_again(self) -> None:
        """Settle the kept events again if there was a new connection or another server since the last call. Raise
        DatabaseError if the database is away; the next call does it then.
        """
        self._check_server()
        if not self._is_due:
            return
        self._is_due = False
        with self._lock:
            kept = [event for batch in self._batches for event in batch.events]
        try:
            self._again(kept)
        except DatabaseError:
            self._is_due = True
            raise

    def _check_server(self) -> None:
        """Find out which server answers. That it answers does not show that it can write."""
        server = self._noted(self._server)
        if server.started_at != self._started_at:
            self._started_at, self._is_due = server.started_at, True
        if not server.takes_writes:
            self.recording.failed("the server takes no writes")

    def _write(self, step: Callable[[], T]) -> T:
        done = self._noted(step)
        self.recording.worked()
        return done

    def _noted(self, step: Callable[[], T]) -> T:
        """Do the step; note a DatabaseError unless it is about the values."""
        try:
            return step()
        except DatabaseError as error:
            if not is_refused(error):
                self.recording.failed(cause(error))
            raise

    def _again(self, events: Sequence[Feedback]) -> None:
        for start in range(0, len(events), _AT_ONCE):
            some = events[start : start + _AT_ONCE]
            settled = self._write(partial(self._settler.settle, some))
            if again := settled.fresh + settled.unmatched:
                log.warning(
                    "events were settled again: the database had lost them, or their notifications are recorded now",
                    count=again,
                )

    def _keep(self, events: list[Feedback]) -> None:
        """Keep events that were settled, and drop the old ones. Nothing is dropped while the database is away, as
        this is called after a success only.
        """
        with self._lock:
            self._batches.append(_SettledBatch(events, self._clock()))
            self._count += len(events)
            oldest = self._clock() - KEEP_SECONDS
            while self._batches[0].settled_at < oldest or self._count > MOST_EVENTS:
                self._count -= len(self._batches.popleft().events)
