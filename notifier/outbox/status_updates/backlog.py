"""How many status updates wait for each destination, for operators and metrics."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from notifier.outbox.statements import statement

UPDATE_ALARM_SECONDS = 900.0
"""Status updates that have waited for longer are an alarm."""
_MOST = 10_000
"""Updates without a destination that are counted at most."""

_BACKLOG = statement(__package__, "backlog.sql", most=str(_MOST))


@dataclass(frozen=True, slots=True)
class DestinationBacklog:
    """What waits for a destination; an empty one is of updates that no sender has taken yet, counted up to 10,000.

    `failing` of the waiting ones failed at least once. `accepted` and `dropped` (by retention, unaccepted) are counts
    of all time. `error` is why the destination has accepted nothing since `failed_at`, None if it does.
    """

    destination: str
    waiting: int
    failing: int
    accepted: int
    dropped: int
    accepted_at: datetime | None
    error: str | None
    failed_at: datetime | None
    oldest: datetime | None
    oldest_seconds: float | None

    @property
    def assigned(self) -> int:
        """How many updates it has been given, of all time."""
        return self.waiting + self.accepted + self.dropped


def update_backlog(connection: Connection) -> list[DestinationBacklog]:
    """Return the backlog of each destination that ever had an update."""
    return [DestinationBacklog(**row) for row in connection.execute(_BACKLOG).mappings()]
