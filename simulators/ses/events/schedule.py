"""When an event goes to the queue, and how often: what waits, what is lost, what comes twice. No clock, no I/O."""

import heapq
import random
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.ses.events.delivery_results import EventKind, MailEvent, mail_events
from simulators.ses.mail import Receipt


@dataclass(frozen=True, slots=True)
class Publishing:
    """How events travel. Delay and jitter are in seconds; loss and duplication are ratios, drawn by `seed`."""

    kinds: frozenset[EventKind] = field(default_factory=lambda: frozenset(EventKind))
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    seed: int = 0
    capacity: int = 50_000


class ScheduledEvent(NamedTuple):
    """An event that waits for its time. `number` keeps the order of those that are due together."""

    due: float
    number: int
    receipt: Receipt
    happening: MailEvent


@dataclass(slots=True)
class EventCounts:
    created: int = 0
    lost: int = 0
    duplicated: int = 0
    dropped: int = 0


class Schedule:
    """Holds at most `capacity` events; what comes when it is full is dropped and counted."""

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._heap: list[ScheduledEvent] = []
        self._numbers = 0
        self.clear()

    def __len__(self) -> int:
        return len(self._heap)

    def clear(self) -> None:
        """Forget what waits, and draw from the seed anew."""
        self._heap.clear()
        self._random = random.Random(self._publishing.seed)  # noqa: S311  a loss must come again with its seed
        self.tally = EventCounts()

    def add(self, receipt: Receipt, suppressed: Container[str], now: float) -> bool:
        """Schedule the events of this mail; says whether there is anything new to wait for."""
        if receipt.envelope.configuration_set is None:
            return False
        before = self._numbers
        for happening in mail_events(receipt.envelope, suppressed):
            if happening.kind in self._publishing.kinds:
                self._add(receipt, happening, now)
        return self._numbers > before

    def take(self, now: float, limit: int) -> list[ScheduledEvent]:
        """Up to `limit` events that are due."""
        taken: list[ScheduledEvent] = []
        while self._heap and self._heap[0].due <= now and len(taken) < limit:
            taken.append(heapq.heappop(self._heap))
        return taken

    def next_due(self) -> float | None:
        return self._heap[0].due if self._heap else None

    def _add(self, receipt: Receipt, happening: MailEvent, now: float) -> None:
        self.tally.created += 1
        for _ in range(self._copies()):
            if len(self._heap) >= self._publishing.capacity:
                self.tally.dropped += 1
                continue
            due = now + self._publishing.delay + self._random.random() * self._publishing.jitter
            self._numbers += 1
            heapq.heappush(self._heap, ScheduledEvent(due, self._numbers, receipt, happening))

    def _copies(self) -> int:
        if self._random.random() < self._publishing.loss:
            self.tally.lost += 1
            return 0
        if self._random.random() < self._publishing.duplication:
            self.tally.duplicated += 1
            return 2
        return 1
