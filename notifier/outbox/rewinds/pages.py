"""Rewinds: a shard is read again, for records that a route claims now and that have no notification of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notifier.outbox.stream.pages import NewNotification

MOST_SECONDS = 20
"""Of how many different seconds one statement looks notifications up, and one page of a rewind has some. A look-up
reads what all tables had in these seconds: 200,000 notifications at 10,000 events a second.
"""
WAITS_FOR_ROOM = "it waits for room in the queue"
"""How the `error` of a rewind begins that pauses without an error."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """The right to read one shard again, until `epoch` moves on. `since` None: all that the stream still has.

    `until` is the sequence number of the last record to be read again, `position` of the last one that was.
    """

    id: int
    owner: str
    epoch: int
    shard: int
    shard_id: str
    stream_arn: str
    table: str
    since: datetime | None
    until: str
    position: str | None


@dataclass(frozen=True, slots=True)
class RewindPage:
    """A page of a rewind: what today's routes make of its records, and the position after it.

    `unrouted` are the sequence numbers of records that are understood and match no route. A record that cannot be
    understood is in neither: it stays quarantined. `beside` are the names of all routes of today that claim events
    beside their owner. `more`: records that were read are left after the position, because their notifications are of
    further seconds than MOST_SECONDS.
    """

    position: str | None
    examined: int
    notifications: Sequence[NewNotification] = ()
    unrouted: Sequence[str] = ()
    beside: Collection[str] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class RewindResult:
    """How many notifications were made, by queue; of how many records; and how many records left quarantine."""

    queues: Mapping[str, int] = field(default_factory=dict)
    routed: int = 0
    released: int = 0

    @property
    def notifications(self) -> int:
        """How many notifications were made."""
        return sum(self.queues.values())
