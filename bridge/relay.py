"""Brings to the broker what is due and what it lost. Runs in every bridge at once."""

import time
from collections.abc import Collection, Mapping
from uuid import UUID

import structlog

from bridge.behind import Behind
from bridge.counters import PUBLISHED
from bridge.loops import NextIn
from notifier.broker import Queue
from notifier.database import Engine
from notifier.outbox import UNKNOWN_AFTER_SECONDS, Horizon, Publication, Publications, expire

log = structlog.get_logger(__name__)

RELAY_SECONDS = 0.5
BUSY_SECONDS = 0.1
"""The pause after a pass that left rows behind: workers may make room for more than half a second's worth."""
_RETRIES = 5_000
_BATCH = 10
_SOON = 1.0
_HELD_SECONDS = 5.0


class Relay:
    """One pass after another; each may end anywhere and be done again."""

    def __init__(
        self,
        engine: Engine,
        publications: Publications,
        queue: Queue,
        high_water: int,
        unknown_after: float = UNKNOWN_AFTER_SECONDS,
        behind: Behind | None = None,
    ) -> None:
        """`behind` is shared with the intake of this bridge."""
        self._engine = engine
        self._unknown_after = unknown_after
        self._publications = publications
        self._queue = queue
        self._high_water = high_water
        self._behind = behind or Behind()
        self._ended = Horizon()
        self._generation: str | None = None
        self._held = Held(queue, min(_HELD_SECONDS, publications.look_again / 2))

    def run_once(self) -> int:
        """End leases, wake retries, publish what is due; answers how many messages were published.

        Raises BrokerError; what was taken and not published is due again soon.
        """
        if expired := expire(self._engine, unknown_after=self._unknown_after, horizon=self._ended):
            log.warning("attempts without an answer are unknown now", count=len(expired))
        self._publications.retries_due(_RETRIES)
        self._notice_loss()
        known, relayed = self._behind.channels, 0
        waiting = self._publications.channels_held_back()
        for channel in self._publications.channels_due():
            count, left = self._relay(channel)
            relayed += count
            if left:
                waiting.add(channel)
        self._behind.settle(known, waiting)
        return relayed

    def turn(self) -> NextIn:
        """One pass; returns when the next is due: soon, while rows wait and the broker takes some."""
        moves = self.run_once() > 0 and bool(self._behind.channels)
        return NextIn(BUSY_SECONDS if moves else RELAY_SECONDS)

    def _notice_loss(self) -> None:
        generation = self._queue.generation()
        if self._generation not in (None, generation):
            log.error("the broker may have lost messages; what is pending and missing there is published again")
            self._held.forget()
            self._publications.all_due()
        self._generation = generation

    def _relay(self, channel: str) -> tuple[int, bool]:
        """Publish what is due on the channel, the oldest first; returns how many messages, and whether some are left
        that nobody has published.
        """
        relayed = 0
        while due := self._publications.take_due(channel, _BATCH):
            self._publications.settled([each.id for each in due if not each.waiting])
            left = [each for each in due if each.waiting]
            again = _SOON
            try:
                while left and (published := self._publish(left[0])) is not None:
                    relayed += published
                    del left[0]
                again = 0.0  # no room: the oldest must be the first again
            finally:
                self._publications.postpone([each.id for each in left], again)
            if left:
                return relayed, any(each.age is None for each in left)
        return relayed, False

    def _publish(self, publication: Publication) -> int | None:
        """Publish what is missing of it; None where there is no room. Raises BrokerError."""
        missing = publication.waiting
        if publication.age is not None:
            missing = absent(publication, self._held.of(publication.channel, publication.age))
        if not self._queue.publish(publication.channel, missing, self._high_water):
            return None
        if missing and publication.age is not None:
            channel = publication.channel
            log.info("published again: still pending, and not in the broker", channel=channel, count=len(missing))
        result = "relayed" if publication.age is None else "again"
        PUBLISHED.labels(publication.channel, result).inc(len(missing))
        self._publications.published_again(publication, anew=bool(missing))
        return len(missing)


class Held:
    """What the broker holds, asked for now and then: it reads whole queues. An answer is good for some `seconds`."""

    def __init__(self, queue: Queue, seconds: float) -> None:
        self._queue = queue
        self._seconds = seconds
        self._known: dict[str, tuple[float, set[UUID]]] = {}

    def of(self, channel: str, age: float) -> set[UUID]:
        """For messages that some bridge published `age` seconds ago: an answer from before that cannot tell of them.
        Raises BrokerError.
        """
        now = time.monotonic()
        asked_at, ids = self._known.get(channel, (float("-inf"), set()))
        if asked_at < now - min(age, self._seconds):
            asked_at = now
            ids = self._queue.held(channel)
            self._known[channel] = (asked_at, ids)
        return ids

    def forget(self) -> None:
        self._known.clear()


def absent(publication: Publication, held: Collection[UUID]) -> Mapping[UUID, int]:
    """What the broker lost, or a worker left to the relay: all that waits, less what the broker still holds."""
    return {id_: failures for id_, failures in publication.waiting.items() if id_ not in held}
