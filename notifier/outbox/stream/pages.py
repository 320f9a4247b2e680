"""What the bridge records: pages of a shard, under the shard's lease."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from notifier.lanes import Lane, parts_of, queue_of
from notifier.notifications import created_ms
from notifier.process.frozen import quick_init

MOST_DAYS = 50
"""Days that one transaction writes to. Each day takes four locks, of some 6,400 that a server has by default."""
_DAY_MS = 24 * 60 * 60 * 1000
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class ShardLease:
    """The right to record one shard, until another bridge takes it, which increases `epoch`.

    `shard` is the id of the shard's row, `shard_id` its name in AWS.
    """

    shard: int
    shard_id: str
    stream_arn: str
    table: str
    owner: str
    epoch: int
    checkpoint: str | None
    parent_shard_id: str | None = None


@quick_init
@dataclass(frozen=True, slots=True)
class NewNotification:
    """A record that a route matches, to be recorded. `record` is its JSON, as GetRecords returns it.

    `wanted_updates` is of which statuses the product wants an update, in bits (notifier/status_updates/kinds.py).
    """

    id: UUID
    sequence_number: str
    route: str
    channel: str
    table: str
    record: bytes
    wanted_updates: int = 0
    lane: Lane = Lane.NORMAL

    @property
    def queue(self) -> str:
        """The queue of its message: `email`, or `email:low`."""
        return self.channel if self.lane is Lane.NORMAL else queue_of(self.channel, self.lane)

    @property
    def day(self) -> date:
        """The day (UTC) of the record's creation: the rows are in the partitions of this day."""
        return datetime.fromtimestamp(created_ms(self.id) / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that cannot be understood, as it was read, with the reason."""

    sequence_number: str
    record: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one page of a shard, and the position after it.

    The notifications of one record are adjacent. `further` is how many of them come after the first one of their
    record.
    """

    checkpoint: str | None
    last_record_at: datetime | None
    notifications: Sequence[NewNotification]
    quarantined: Sequence[Quarantined]
    unrouted: int
    further: int = 0

    @property
    def notified(self) -> int:
        """How many of its records became notifications, one or several."""
        return len(self.notifications) - self.further

    @property
    def read(self) -> int:
        """How many records the page has: each is notified, quarantined or unrouted."""
        return self.notified + len(self.quarantined) + self.unrouted

    def parts(self, most_days: int = MOST_DAYS) -> "list[Page]":
        """Return the page as pages of at most so many days, each with the checkpoint after its last notification.

        Quarantined and unrouted records count with the first part: if a later part fails, the shard is read again
        from the last checkpoint, and records before it are not read again.
        """
        cuts = _cuts(self.notifications, most_days)
        if not cuts:
            return [self]
        pieces = [self.notifications[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
        parts = [Page(piece[-1].sequence_number, None, piece, (), 0, further_of(piece)) for piece in pieces]
        parts[0] = replace(parts[0], quarantined=self.quarantined, unrouted=self.unrouted)
        parts[-1] = replace(parts[-1], checkpoint=self.checkpoint, last_record_at=self.last_record_at)
        return parts


@dataclass(frozen=True, slots=True)
class NewPublication:
    """A publication that was inserted: messages of a `queue` that the broker does not have yet."""

    publication: int
    queue: str
    ids: Sequence[UUID]

    @property
    def channel(self) -> str:
        return parts_of(self.queue)[0]


def further_of(notifications: Sequence[NewNotification]) -> int:
    """Return how many of these notifications of a page come after the first one of their record."""
    return sum(one.sequence_number == other.sequence_number for one, other in pairwise(notifications))


def first_notified(wanted: Iterable[NewNotification], made: Collection[NewNotification]) -> set[str]:
    """Return the sequence numbers of the records of which these are the first notifications.

    `made` are those of the `wanted` ones that did not exist yet. A record of which another one existed was notified
    before.
    """
    fresh = {each.id for each in made}
    before = {each.sequence_number for each in wanted if each.id not in fresh}
    return {each.sequence_number for each in made} - before


def days_of(notifications: Iterable[NewNotification]) -> set[date]:
    """Return the different days of these notifications. As numbers first: pages have many records and few days."""
    return {_EPOCH + timedelta(days=number) for number in {created_ms(each.id) // _DAY_MS for each in notifications}}


def _cuts(notifications: Sequence[NewNotification], most_days: int) -> list[int]:
    """The indexes at which new parts begin: never between notifications of one record."""
    cuts: list[int] = []
    days: set[date] = set()
    start = 0
    for number, each in enumerate(notifications):
        if number == 0 or each.sequence_number != notifications[number - 1].sequence_number:
            start = number
        if each.day not in days and len(days) == most_days and start > (cuts[-1] if cuts else 0):
            cuts.append(start)
            days = {other.day for other in notifications[start:number]}
        days.add(each.day)
    return cuts
