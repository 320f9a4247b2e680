"""Where status updates go: an event bus, a topic, a queue, or a webhook."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OutgoingUpdate:
    """A status update as it is sent. `body` is its JSON, in ASCII. `group` is the id of its notification: a FIFO
    destination keeps the order of the updates of one group.
    """

    id: UUID
    group: UUID
    at: datetime
    body: str


class Destination(Protocol):
    """A destination. Safe to share between threads.

    One `send` takes `batch` updates at most, and `concurrency` calls may run at once.
    """

    name: str
    batch: ClassVar[int]
    concurrency: ClassVar[int]

    def send(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        """Send the updates. Return for each None if it was accepted, otherwise why it was not, or may not have been.

        A request whose answer is lost counts as not accepted: its updates are sent again. Raises nothing. It must end
        within `LEASE_SECONDS` of the sender: later, another process sends the same updates.
        """

    def close(self) -> None:
        """Close its connections."""
