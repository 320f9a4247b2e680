"""Brings to the broker what is due and what it lost. Runs in every bridge at once."""

from collections.abc import Collection, Mapping
from uuid import UUID

import structlog

from notifier.broker import BrokerError, Queue, has_room
from notifier.database import Engine
from notifier.outbox import Publication, Publications, expire

log = structlog.get_logger(__name__)

_RETRIES = 5_000
_BATCH = 10
_SOON = 1.0


class Relay:
    """One pass after another; each may end anywhere and be done again."""

    def __init__(self, engine: Engine, publications: Publications, queue: Queue, high_water: int) -> None:
        self._engine = engine
        self._publications = publications
        self._queue = queue
        self._high_water = high_water
        self._generation: str | None = None

    def run_once(self) -> int:
        """End leases, wake retries, publish what is due; answers how many messages were published.

        Raises BrokerError; what was taken and not published is due again soon.
        """
        if expired := expire(self._engine):
            log.warning("attempts without an answer are unknown now", count=len(expired))
        self._publications.retries_due(_RETRIES)
        self._notice_loss()
        return sum(self._relay(channel) for channel in self._publications.channels_due())

    def _notice_loss(self) -> None:
        generation = self._queue.generation()
        if self._generation not in (None, generation):
            log.error("the broker lost its memory; everything pending is published again")
            self._publications.all_due()
        self._generation = generation

    def _relay(self, channel: str) -> int:
        depth = self._queue.depth(channel)
        held: set[UUID] | None = None
        published = 0
        while due := self._publications.take_due(channel, _BATCH):
            self._publications.settled([each.id for each in due if not each.waiting])
            waiting = [each for each in due if each.waiting]
            for number, each in enumerate(waiting):
                if held is None and each.published:
                    held = self._queue.held(channel)
                missing = absent(each, held or set()) if each.published else each.waiting
                if not has_room(depth + published, len(missing), self._high_water):
                    self._publications.postpone([later.id for later in waiting[number:]], _SOON)
                    return published
                self._publish(each, missing)
                published += len(missing)
        return published

    def _publish(self, publication: Publication, missing: Mapping[UUID, int]) -> None:
        if publication.published and missing:
            log.warning("the broker had lost messages", channel=publication.channel, count=len(missing))
        try:
            self._queue.publish(publication.channel, missing)
        except BrokerError:
            self._publications.postpone([publication.id], _SOON)
            raise
        self._publications.published_again(publication)


def absent(publication: Publication, held: Collection[UUID]) -> Mapping[UUID, int]:
    """What the broker lost: all that waits, less what it still holds."""
    return {id_: failures for id_, failures in publication.waiting.items() if id_ not in held}
