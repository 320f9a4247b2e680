"""What the bridge records: a page of a shard, under the lease that allows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """A publication that is now owed to the broker."""

    publication: int
    channel: str
    ids: Sequence[UUID]
