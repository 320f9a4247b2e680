"""Records pages, then publishes their messages. If publishing fails, the relay does it later."""

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol
from uuid import UUID

import structlog

from bridge.backlog import BackloggedQueues
from bridge.counters import PUBLISHED
from bridge.fitting import fitted
from bridge.outbox_limit import OutboxLimit, QueueFull
from bridge.stream.classification import classify_page
from notifier.broker import BrokerError, BrokerRefused
from notifier.outbox import NewPublication, Page, Publications, ShardLease
from notifier.routes import Routes

log = structlog.get_logger(__name__)

MARK_SECONDS = 0.5
"""How often publications are marked as published: far more often than the relay publishes those without a mark."""
_BROKER_PAUSE_SECONDS = 5.0
"""For how long nothing is published after an error of the broker: a broker that hangs must not delay recording."""
_MOST_TOGETHER = 2_500
"""Messages that are published by one call. If its answer is lost, the relay publishes all of them once more."""


class Recorder(Protocol):
    """Records pages: `notifier.outbox.Recording`, or TracedRecording around it."""

    def record(
        self, lease: ShardLease, previous: str | None, page: Page, to_relay: Collection[str] = ()
    ) -> list[NewPublication]: ...


class Publisher(Protocol):
    """Publishes messages: `notifier.broker.Broker`."""

    def publish(self, queue: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool: ...


class Intake:
    """Takes the pages of all shards of one bridge. Safe to share between threads."""

    def __init__(
        self,
        recording: Recorder,
        publications: Publications,
        broker: Publisher,
        routes: Routes,
        high_water: int,
        not_before: datetime | None = None,
        backlogged: BackloggedQueues | None = None,
        limit: OutboxLimit | None = None,
    ) -> None:
        """`high_water` bounds the messages of a queue in the broker. Records before `not_before` make no
        notification. `backlogged` is shared with the relay of this bridge. Without a `limit` any number of
        deliveries may wait.
        """
        self._recording = recording
        self._publications = publications
        self._broker = broker
        self._routes = routes
        self._high_water = high_water
        self._paused_until = 0.0  # monotonic time
        self._not_before = not_before or datetime.min.replace(tzinfo=UTC)
        self._backlogged = backlogged or BackloggedQueues()
        self._limit = limit
        self._unmarked: deque[int] = deque()

    def has_room(self, queue: str) -> bool:
        """Return whether deliveries of that queue may be recorded now."""
        return self._limit is None or self._limit.has_room(queue)

    def take(self, lease: ShardLease, checkpoint: str | None, records: Sequence[dict[str, Any]]) -> str | None:
        """Record the page and publish it; return the checkpoint after it.

        Raise LeaseLost, with nothing recorded, if another bridge has the shard, and QueueFull, with the checkpoint
        after the part that was recorded, if a queue has no room for the rest.
        """

        def classify(some: Sequence[dict[str, Any]]) -> Page:
            return classify_page(lease, checkpoint, some, self._routes, self._not_before)

        with fitted(self._limit, records, classify) as fitting:
            if fitting.full is None or fitting.page.read:
                self._take(lease, checkpoint, fitting.page, fitting.queues)
        if fitting.full is not None:
            raise QueueFull(fitting.full, fitting.page.checkpoint)
        return fitting.page.checkpoint

    def _take(self, lease: ShardLease, checkpoint: str | None, page: Page, queues: Collection[str]) -> None:
        """Record the page, and publish it except for the rows of backlogged queues. Those are left to the relay, so
        that the oldest row of a queue is published first.
        """
        paused = time.monotonic() < self._paused_until
        to_relay = frozenset(queues) if paused else self._backlogged.queues
        recorded = self._recording.record(lease, checkpoint, page, to_relay)
        self._publish([each for each in recorded if each.queue not in to_relay])

    def _publish(self, recorded: Sequence[NewPublication]) -> None:
        done: list[int] = []
        left: list[int] = []
        full: set[str] = set()
        try:
            for queue, some in groupby(recorded, attrgetter("queue")):
                together = list(some)
                if queue not in full and self._fit(together) and self._published(together):
                    done += [each.publication for each in together]
                    continue
                for each in together:
                    if queue in full or not self._published([each]):
                        full.add(queue)
                        left.append(each.publication)
                        continue
                    done.append(each.publication)
        except BrokerError as error:
            self._paused_until = time.monotonic() + _BROKER_PAUSE_SECONDS
            self._backlogged.add(each.queue for each in recorded)
            log.warning(
                "publishing failed: the relay publishes for now", seconds=_BROKER_PAUSE_SECONDS, reason=str(error)
            )
            if isinstance(error, BrokerRefused):  # after other errors the broker may have them: the relay looks later
                left = [each.publication for each in recorded if each.publication not in done]
        self._unmarked.extend(done)
        if left:
            self._backlogged.add(full)
            self._publications.postpone(left, 0.0)

    def mark_published(self) -> None:
        """Mark what was published since the last call: one statement for all pages, instead of one with a commit for
        each. Raise DatabaseError; then the next call marks them.

        The relay publishes again what was not marked when this process was killed, after GRACE_SECONDS.
        """
        ids = [self._unmarked.popleft() for _ in range(len(self._unmarked))]
        if not ids:
            return
        try:
            self._publications.mark_published(ids)
        except BaseException:
            self._unmarked.extendleft(reversed(ids))
            raise

    def _fit(self, publications: Sequence[NewPublication]) -> bool:
        """Return whether all of these, of one queue, may be in it at once: an empty one takes any number."""
        most = min(self._high_water, _MOST_TOGETHER)
        return len(publications) > 1 and sum(len(each.ids) for each in publications) <= most

    def _published(self, publications: Sequence[NewPublication]) -> bool:
        """Publish these, of one queue, by one call; return False, with none published, if it has no room for all.
        Raise BrokerError: the broker may have them or not.
        """
        queue = publications[0].queue
        ids = [id_ for each in publications for id_ in each.ids]
        if not self._broker.publish(queue, dict.fromkeys(ids, 0), self._high_water):
            return False
        PUBLISHED.labels(queue, "recorded").inc(len(ids))
        return True
