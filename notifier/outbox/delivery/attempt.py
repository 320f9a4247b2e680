"""What a worker loads, begins and shadows: the values of `Attempts`."""

from dataclasses import dataclass, field
from uuid import UUID

from notifier.outbox.delivery.places import OverLimit
from notifier.outbox.digests.members import Member
from notifier.process.frozen import quick_init

LARGE = 16_384
"""Bytes. `load` leaves out larger records, and `load_large_records` reads them: 500 smaller ones take at most 8 MB,
but 500 of the largest items of DynamoDB take 400 MB.
"""


@quick_init
@dataclass(frozen=True, slots=True)
class DueNotification:
    """A notification that is pending and due. `age` is seconds since its event, by the database's clock.

    `record` is empty if it is larger than LARGE; `size` is its bytes in any case. A `suspect` is built alone:
    a worker died while it had the message. `brought_forward`: an operator did not want it to wait for its time.
    `members` are the other events of its digest, None if it is of none. `merged` is how many further events
    its message had when it was tried before.
    """

    id: UUID
    route: str
    table: str
    record: bytes
    failures: int
    age: float = 0.0
    size: int = 0
    suspect: bool = False
    brought_forward: bool = False
    merged: int = 0
    members: tuple[Member, ...] | None = None

    @property
    def member_ids(self) -> tuple[UUID, ...]:
        return tuple(each.id for each in self.members or ())


@quick_init
@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom the notification `id` is sent. `address` is spelled as in suppressions. `template` is its version.

    An unsubscription from `topic`, or from all topics, stops no `transactional` message. `original` is for whom
    it was built, if it goes to another address: a suppression of either stops it. `further` are the other recipients
    of the same message: it is found by them, and nothing else is asked of them. `configuration_set` is the one that
    the message names itself, None if it uses that of the settings: only events of the same set are evidence about it.
    """

    id: UUID
    address: str
    topic: str = ""
    transactional: bool = False
    original: str = ""
    template: str = ""
    further: tuple[str, ...] = ()
    configuration_set: str | None = None


@dataclass(frozen=True, slots=True)
class ShadowMessage:
    """A message that is not sent: to whom it would be, its `subject`, and why it is in shadow."""

    recipient: Recipient
    subject: str
    reason: str


@quick_init
@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that was begun under this token: its request may be sent now. `attempt` counts from 1."""

    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class BeginResult:
    """The attempts that were begun under this token, and the ids of what is suppressed, shadowed or merged now.

    `over_limit`: those that have no place of their limit; they are still pending.
    """

    begun: list[Begun]
    suppressed: list[UUID]
    shadowed: list[UUID] = field(default_factory=list)
    over_limit: list[OverLimit] = field(default_factory=list)
    merged: set[UUID] = field(default_factory=set)
