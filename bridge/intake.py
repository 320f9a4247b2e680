"""A page of records is recorded, then published. What is recorded is safe; publishing may fail and be done again."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from bridge.counters import PUBLISHED
from bridge.decode import decode, identity, sequence_number
from notifier import wire
from notifier.broker import BrokerError, Queue
from notifier.errors import DecodeError
from notifier.outbox import Intake as Outbox
from notifier.outbox import NewNotification, Page, Publications, Quarantined, Recorded, ShardLease
from notifier.routes import Routes

log = structlog.get_logger(__name__)

_REST_SECONDS = 5.0
_NO_ROOM_SECONDS = 1.0


class Intake:
    """Takes the pages of all shards of one bridge."""

    def __init__(
        self,
        outbox: Outbox,
        publications: Publications,
        queue: Queue,
        routes: Routes,
        high_water: int,
        not_before: datetime | None = None,
    ) -> None:
        self._outbox = outbox
        self._publications = publications
        self._queue = queue
        self._routes = routes
        self._high_water = high_water
        self._resting_until = 0.0
        self._not_before = not_before or datetime.min.replace(tzinfo=UTC)

    def take(self, lease: ShardLease, checkpoint: str | None, records: Sequence[dict[str, Any]]) -> str | None:
        """Record the page and publish it; answers the checkpoint after it. Raises LeaseLost, and nothing happened."""
        page = sort(lease, checkpoint, records, self._routes, self._not_before)
        self._publish(self._outbox.record(lease, checkpoint, page))
        return page.checkpoint

    def _publish(self, recorded: Sequence[Recorded]) -> None:
        if time.monotonic() < self._resting_until:
            return
        done: list[int] = []
        left: list[int] = []
        try:
            for each in recorded:
                if not self._queue.publish(each.channel, dict.fromkeys(each.ids, 0), self._high_water):
                    left = [each.publication for each in recorded[len(done) :]]
                    break
                PUBLISHED.labels(each.channel, "recorded").inc(len(each.ids))
                done.append(each.publication)
        except BrokerError as error:
            self._resting_until = time.monotonic() + _REST_SECONDS  # a broker that hangs must not hold up recording
            log.warning("publishing is left to the relay", seconds=_REST_SECONDS, reason=str(error))
        if done:
            self._publications.published(done)
        self._publications.postpone(left, _NO_ROOM_SECONDS)


def nameless(after: str | None, number: int, raw: bytes) -> str:
    """Names a record without a sequence number: by the one that it follows, its count after that, and its bytes."""
    return f"after {after}: {number}: {hashlib.blake2b(raw, digest_size=8).hexdigest()}"


def sort(
    lease: ShardLease,
    checkpoint: str | None,
    records: Iterable[dict[str, Any]],
    routes: Routes,
    not_before: datetime,
) -> Page:
    """What each record of a page becomes: a notification, a quarantined record, or nothing. Pure.

    A shard that is read again from its beginning gives what is recorded already: that is passed over. Sequence
    numbers are kept as the text that came, and compared as numbers.
    """
    notifications: list[NewNotification] = []
    quarantined: list[Quarantined] = []
    unrouted = 0
    last: datetime | None = None
    place = -1 if checkpoint is None else int(checkpoint)
    before, unnamed = checkpoint, 0
    for record in records:
        number = sequence_number(record)
        if number is None:
            unnamed += 1
        else:
            before, unnamed = number, 0
            if (found := int(number)) <= place:
                continue
            place, checkpoint = found, number
        try:
            event = decode(lease.table, record)
            route = routes.owner(event) if event.created_at >= not_before else None
        except DecodeError as error:
            raw = wire.write(record)
            quarantined.append(Quarantined(number or nameless(before, unnamed, raw), raw, str(error)))
            continue
        last = event.created_at
        if route is None:
            unrouted += 1
            continue
        id_ = identity(lease, event, route.name)
        notifications.append(
            NewNotification(id_, event.sequence_number, route.name, route.channel, lease.table, wire.write(record))
        )
    return Page(checkpoint, last, notifications, quarantined, unrouted)
