"""A page of records is recorded, then published. What is recorded is safe; publishing may fail and be done again."""

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog

from bridge.behind import Behind
from bridge.brake import Brake, ChannelFull
from bridge.counters import PUBLISHED
from bridge.stream.decode import creation_time, decode, identity, sequence_number
from notifier.broker import BrokerError, BrokerRefused, Queue
from notifier.errors import DecodeError, LeaseLost
from notifier.outbox import NewNotification, NewPublication, Page, Publications, Quarantined, Recording, ShardLease
from notifier.outbox import records as wire
from notifier.routes import Routes

log = structlog.get_logger(__name__)

_REST_SECONDS = 5.0


class Intake:
    """Takes the pages of all shards of one bridge."""

    def __init__(
        self,
        outbox: Recording,
        publications: Publications,
        queue: Queue,
        routes: Routes,
        high_water: int,
        not_before: datetime | None = None,
        behind: Behind | None = None,
        brake: Brake | None = None,
    ) -> None:
        """`behind` is shared with the relay of this bridge. Without a `brake` any number of deliveries may wait."""
        self._outbox = outbox
        self._publications = publications
        self._queue = queue
        self._routes = routes
        self._high_water = high_water
        self._resting_until = 0.0
        self._not_before = not_before or datetime.min.replace(tzinfo=UTC)
        self._behind = behind or Behind()
        self._brake = brake

    def has_room(self, channel: str) -> bool:
        """Whether deliveries of that channel may be recorded now."""
        return self._brake is None or self._brake.has_room(channel)

    def take(self, lease: ShardLease, checkpoint: str | None, records: Sequence[dict[str, Any]]) -> str | None:
        """Record the page and publish it; return the checkpoint after it.

        Raises LeaseLost, and nothing happened; or ChannelFull, with the checkpoint after the part that was recorded.
        """
        page = sort(lease, checkpoint, records, self._routes, self._not_before)
        wanted = Counter(each.channel for each in page.notifications)
        if self._brake is None:
            self._take(lease, checkpoint, page, wanted)
            return page.checkpoint
        granted = self._brake.reserve(wanted)
        used: Mapping[str, int] = {}
        try:
            excess = None if granted == wanted else first_beyond(page.notifications, granted)
            if excess is not None:
                fitting = before(records, excess.sequence_number)
                page = sort(lease, checkpoint, fitting, self._routes, self._not_before)
                wanted = Counter(each.channel for each in page.notifications)
            if excess is None or page.read:
                used = wanted  # also where the answer to the commit is lost
                self._take(lease, checkpoint, page, wanted)
        except LeaseLost:
            used = {}
            raise
        finally:
            self._brake.release(granted, used)
        if excess is not None:
            raise ChannelFull(excess.channel, page.checkpoint)
        return page.checkpoint

    def _take(self, lease: ShardLease, checkpoint: str | None, page: Page, channels: Collection[str]) -> None:
        """While rows of a channel wait for the relay, it gets the new ones, too: the oldest row leaves first."""
        resting = time.monotonic() < self._resting_until
        to_relay = frozenset(channels) if resting else self._behind.channels
        recorded = self._outbox.record(lease, checkpoint, page, to_relay)
        self._publish([each for each in recorded if each.channel not in to_relay])

    def _publish(self, recorded: Sequence[NewPublication]) -> None:
        done: list[int] = []
        left: list[int] = []
        full: set[str] = set()
        try:
            for each in recorded:
                if each.channel in full or not self._published(each):
                    full.add(each.channel)
                    left.append(each.publication)
                    continue
                PUBLISHED.labels(each.channel, "recorded").inc(len(each.ids))
                done.append(each.publication)
        except BrokerError as error:
            self._resting_until = time.monotonic() + _REST_SECONDS  # a broker that hangs must not hold up recording
            self._behind.add(each.channel for each in recorded)
            log.warning("publishing is left to the relay", seconds=_REST_SECONDS, reason=str(error))
            if isinstance(error, BrokerRefused):  # else it may have them: they are looked for after their grace
                left = [each.publication for each in recorded if each.publication not in done]
        if done:
            self._publications.published(done)
        if left:
            self._behind.add(full)
            self._publications.postpone(left, 0.0)

    def _published(self, recorded: NewPublication) -> bool:
        """Publish it where the broker has room. Raises BrokerError: it may be published."""
        return self._queue.publish(recorded.channel, dict.fromkeys(recorded.ids, 0), self._high_water)


def first_beyond(notifications: Iterable[NewNotification], room: Mapping[str, int]) -> NewNotification | None:
    """The first of these for which its channel has no room left. Pure."""
    left = dict(room)
    for each in notifications:
        if left.get(each.channel, 0) <= 0:
            return each
        left[each.channel] -= 1
    return None


def before(records: Sequence[dict[str, Any]], number: str) -> Sequence[dict[str, Any]]:
    """The records of a page before the one of that sequence number."""
    return records[: next(place for place, each in enumerate(records) if sequence_number(each) == number)]


def nameless(after: str | None, number: int, raw: bytes) -> str:
    """Names a record without a sequence number: by the one that it follows, its count after that, and its bytes."""
    return f"after {after}: {number}: {hashlib.blake2b(raw, digest_size=8).hexdigest()}"


class Judged(NamedTuple):
    """What a record becomes: a notification, quarantined where there is an `error`, or unrouted where neither is.

    `created_at` is None where the record does not tell when it was made.
    """

    created_at: datetime | None
    notification: NewNotification | None = None
    error: str | None = None


def judge(lease: ShardLease, record: dict[str, Any], routes: Routes, not_before: datetime) -> Judged:
    """What the record becomes with these routes. Pure.

    A record of a table that no route here names is quarantined, not unrouted: a bridge that lacks the routes of a
    table (deployed too early, or not restarted) must not drop its events. Records before `not_before` are muted, and
    so unrouted, whatever the routes are.
    """
    try:
        event = decode(lease.table, record)
        if event.created_at < not_before:
            return Judged(event.created_at)
        if not routes.has_table(lease.table):
            return Judged(event.created_at, error=no_route(lease.table))
        route = routes.owner(event)
    except DecodeError as error:
        return Judged(creation_time(record), error=str(error))
    if route is None:
        return Judged(event.created_at)
    id_ = identity(lease, event, route.name)
    number = event.sequence_number
    made = NewNotification(id_, number, route.name, route.channel, lease.table, wire.write(record))
    return Judged(event.created_at, made)


def no_route(table: str) -> str:
    """Why records of that table are quarantined, and what to do."""
    return (
        f"no route for the table {table} is loaded in this bridge: deploy one, restart the bridges, "
        f"then run: notifier rewind --table {table} --reason WHY"
    )


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
        created_at, made, error = judge(lease, record, routes, not_before)
        last = created_at or last
        if error is not None:
            raw = wire.write(record)
            quarantined.append(Quarantined(number or nameless(before, unnamed, raw), raw, error))
        elif made is not None:
            notifications.append(made)
        else:
            unrouted += 1
    return Page(checkpoint, last, notifications, quarantined, unrouted)
