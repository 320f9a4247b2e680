"""What the deliverer of a channel and its parts work with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from notifier.outbox import Attempts, Digests
from notifier.process.memory_budget import MemoryBudget
from notifier.routes import Routes
from workers.building.builder import Isolation, MessagePreparer
from workers.fallback import Fallback
from workers.process.database_retry import DatabaseRetry
from workers.process.in_progress import InProgress
from workers.process.stop import Stop
from workers.sending.account import AccountState
from workers.sending.bucket import TokenBucket
from workers.sending_channel import SendingChannel
from workers.tally import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """The objects of one channel. Its deliverer and the parts of it are made of them."""

    attempts: Attempts
    channel: SendingChannel
    routes: Routes
    preparer: MessagePreparer
    in_progress: InProgress
    account: AccountState
    bucket: TokenBucket
    lease_seconds: float
    """How long an attempt may take: then the relay ends it."""

    stop: Stop = field(default_factory=Stop)
    """Once it is set nothing is begun; requests that are being made are finished."""

    memory: MemoryBudget | None = None
    """Limits the large records of this process; None: those of this channel have a limit of their own."""

    isolated: Isolation | None = None
    """None: what killed a worker is built like everything else."""

    digests: Digests | None = None
    """None: no route of the channel collects."""

    count: Count | None = None
    sets_aside: bool = False
    """A unit does not wait for slow builds, and the caller of `deliver` handles `Unfinished`."""

    @property
    def fallback(self) -> Fallback | None:
        """What follows after this channel; None: nothing does, on any route."""
        return Fallback.of(self.attempts.channel, self.routes)

    @property
    def has_limits(self) -> bool:
        """Whether a route says how many messages a recipient gets."""
        return any(each.at_most for each in self.routes)

    @property
    def may_shadow(self) -> bool:
        return any(each.may_shadow for each in self.routes)

    def retry(self, ids: Sequence[UUID], seconds: float = 30.0, **options: Any) -> DatabaseRetry:
        """Return what repeats statements about these notifications for so long, and notes progress meanwhile."""
        return DatabaseRetry(seconds, on_retry=lambda: self.in_progress.touch(ids), stop=self.stop, **options)
