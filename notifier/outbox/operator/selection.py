"""Which deliveries an operator selects, and the newest ones of them: an hour of events is read at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from notifier.notifications import created_ms
from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import DAY_MS, Day, Window, read_days, whole, windows
from notifier.outbox.statements import statement

_LIST = statement(__package__, "list_deliveries.sql")
_MOST_NAMED = 20
"""Ids that the journal names of one selection."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries; an empty value selects all. `because` selects those whose reason contains this text.

    `since` and `until` limit the time of the event.

        Selection(channel="email", route="welcome", because="template", since=datetime(2026, 7, 1, tzinfo=UTC))
    """

    ids: Sequence[UUID] = ()
    channel: str = ""
    route: str = ""
    because: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        """The selection as the journal stores it."""
        ids = ",".join(map(str, self.ids[:_MOST_NAMED])) + ("…" if len(self.ids) > _MOST_NAMED else "")
        given = {"channel": self.channel, "route": self.route, "reason": self.because,
                 "since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat(),
                 "ids": ids}  # fmt: skip
        return " ".join(f"{name}={value}" for name, value in given.items() if value) or "all"

    def values(self) -> dict[str, Any]:
        """The selection as parameters of selected.sql and list_deliveries.sql."""
        return {
            "any": not self.ids,
            "ids": list(self.ids),
            "channel": self.channel,
            "route": self.route,
            "because": self.because,
        }

    def windows(self, days: Sequence[Day]) -> list[Window]:
        """The hours of these days that may hold such deliveries, or the whole days of the ids; the oldest first."""
        if not self.ids:
            return list(windows(days, self.since, self.until))
        numbers = {created_ms(each) // DAY_MS for each in self.ids}
        return [whole(each) for each in days if each.number in numbers]


def newest(engine: Engine, selection: Selection, status: str, limit: int) -> Iterator[dict[str, Any]]:
    """Yield the newest deliveries by ids, channel, route and time of the selection, at most `limit`.

    An empty status selects all. Counted days that have no such delivery are not read.
    """
    values = {**selection.values(), "status": status}
    statuses = [status] if status else []
    with engine.connect() as connection:
        days = [each for each in read_days(connection) if each.may_hold(statuses, selection.channel)]
        for window in reversed(selection.windows(days)):
            bounds = {"first": window.first, "end": window.end, "limit": limit}
            for row in connection.execute(within_days(_LIST, window.spans), values | bounds).mappings().all():
                yield dict(row)
                limit -= 1
            if limit <= 0:
                return
