"""When each event is sent, and how often: delay, loss and duplication. No clock and no I/O."""

import heapq
import random
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.ses.events.delivery_results import EventKind, MailEvent, mail_events
from simulators.ses.mail import Receipt


@dataclass(frozen=True, slots=True)
class Publishing:
    """How events are published. Delay and jitter are in seconds, loss and duplication shares of events.

    `seed` is that of the random numbers; `capacity` is how many events wait at most.
    """

    kinds: frozenset[EventKind] = field(default_factory=lambda: frozenset(EventKind))
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    seed: int = 0
    capacity: int = 50_000


class ScheduledEvent(NamedTuple):
    """An event that waits until it is `due`. `number` keeps the order of events that are due at the same time."""

    due: float
    number: int
    receipt: Receipt
    mail_event: MailEvent


@dataclass(slots=True)
class EventCounts:
    """Events that were made; those that were lost or sent twice on purpose; those dropped because too many wait."""

    created: int = 0
    lost: int = 0
    duplicated: int = 0
    dropped: int = 0


class Schedule:
    """The events that wait to be sent, at most `capacity`. Further ones are dropped and counted."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._heap: list[ScheduledEvent] = []
        self._numbers = 0
        self.clear()

    def __len__(self) -> int:
        return len(self._heap)

    def clear(self) -> None:
        """Remove all events, and start again with the seed."""
        self._heap.clear()
        self._random = random.Random(self._publishing.seed)  # noqa: S311  the same events are lost with the same seed
        self.counts = EventCounts()

    def add(self, receipt: Receipt, suppressed: Container[str], now: float) -> bool:
        """Schedule the events of this mail; return whether there were any."""
        if receipt.envelope.configuration_set is None:
            return False
        before = self._numbers
        for event in mail_events(receipt.envelope, suppressed):
            if event.kind in self._publishing.kinds:
                self._add(receipt, event, now)
        return self._numbers > before

    def take(self, now: float, limit: int) -> list[ScheduledEvent]:
        """Remove and return up to `limit` events that are due."""
        taken: list[ScheduledEvent] = []
        while self._heap and self._heap[0].due <= now and len(taken) < limit:
            taken.append(heapq.heappop(self._heap))
        return taken

    def next_due(self) -> float | None:
        """When the next event is due; None if none waits."""
        return self._heap[0].due if self._heap else None

    def _add(self, receipt: Receipt, event: MailEvent, now: float) -> None:
        self.counts.created += 1
        for _ in range(self._copies()):
            if len(self._heap) >= self._publishing.capacity:
                self.counts.dropped += 1
                continue
            due = now + self._publishing.delay + self._random.random() * self._publishing.jitter
            self._numbers += 1
            heapq.heappush(self._heap, ScheduledEvent(due, self._numbers, receipt, event))

    def _copies(self) -> int:
        if self._random.random() < self._publishing.loss:
            self.counts.lost += 1
            return 0
        if self._random.random() < self._publishing.duplication:
            self.counts.duplicated += 1
            return 2
        return 1
