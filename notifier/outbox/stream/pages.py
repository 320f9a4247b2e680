"""What the bridge records: a page of a shard, under the lease that allows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import UUID

from notifier.notifications import created_ms

MOST_DAYS = 50
"""Days that one transaction writes to. Each day costs it four locks, of some 6,400 that a server has by default."""


@dataclass(frozen=True, slots=True)
class ShardLease:
    """The right to record one shard, until `epoch` moves on. `shard` is its row, `shard_id` its name in AWS."""

    shard: int
    shard_id: str
    stream_arn: str
    table: str
    owner: str
    epoch: int
    checkpoint: str | None
    parent_shard_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewNotification:
    id: UUID
    sequence_number: str
    route: str
    channel: str
    table: str
    record: bytes

    @property
    def day(self) -> date:
        """The day (UTC) of the record's creation: its rows lie in the partitions of this day."""
        return datetime.fromtimestamp(created_ms(self.id) / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that cannot be understood, as it came, with what is wrong."""

    sequence_number: str
    record: bytes
    error: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one page of a shard amounts to: `read` = notifications + unrouted + quarantined."""

    checkpoint: str | None
    last_record_at: datetime | None
    notifications: Sequence[NewNotification]
    quarantined: Sequence[Quarantined]
    unrouted: int

    @property
    def read(self) -> int:
        return len(self.notifications) + len(self.quarantined) + self.unrouted

    def parts(self, most_days: int = MOST_DAYS) -> "list[Page]":
        """The page as pages of at most so many days, each with the checkpoint after its last notification.

        Nearly every page has one or two days and is the only part. What makes no notification belongs to the first
        part: should a later one fail, the shard is read again from the checkpoint that was reached, and records
        before it are not seen again.
        """
        cuts = _cuts(self.notifications, most_days)
        if not cuts:
            return [self]
        pieces = [self.notifications[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
        parts = [Page(piece[-1].sequence_number, None, piece, (), 0) for piece in pieces]
        parts[0] = replace(parts[0], quarantined=self.quarantined, unrouted=self.unrouted)
        parts[-1] = replace(parts[-1], checkpoint=self.checkpoint, last_record_at=self.last_record_at)
        return parts


@dataclass(frozen=True, slots=True)
class NewPublication:
    """A publication that is now owed to the broker."""

    publication: int
    channel: str
    ids: Sequence[UUID]


def _cuts(notifications: Sequence[NewNotification], most_days: int) -> list[int]:
    """Where new parts begin: never between notifications of one record."""
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
