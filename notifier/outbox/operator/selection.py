"""Which deliveries an operator selects: the filter of `notifier list`, `redrive` and `cancel`, and of the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notifier.notifications import created_ms
from notifier.outbox.history.calendar import DAY_MS, Day, Window, whole, windows
from notifier.outbox.operator.journal import scope_time

_MOST_NAMED = 20
"""Ids that the journal names of one selection."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries; an empty value selects all. `because` selects those whose reason contains this text.

    `recipients` are the spellings of one recipient: `notifier.channels.spellings`. `keys` are values of the keys of
    the item, all of which it must have. `since` and `until` limit the time of the event. `scheduled` selects those
    that wait because their route returned `Later`; `members` are those of digests, which wait for their leader.

        Selection(channel="email", route="welcome", because="template", since=datetime(2026, 7, 1, tzinfo=UTC))
    """

    ids: Sequence[UUID] = ()
    channel: str = ""
    route: str = ""
    because: str = ""
    since: datetime | None = None
    until: datetime | None = None
    table: str = ""
    recipients: Sequence[str] = ()
    keys: Sequence[str] = ()
    scheduled: bool = False
    members: bool = True

    def __str__(self) -> str:
        """The selection as the journal stores it: without the recipient and the keys, which are personal data."""
        ids = ",".join(map(str, self.ids[:_MOST_NAMED])) + ("…" if len(self.ids) > _MOST_NAMED else "")
        given = {"channel": self.channel, "route": self.route, "reason": self.because, "table": self.table,
                 "recipient": "(one)" if self.recipients else "", "key": "(one)" if self.keys else "",
                 "since": self.since and scope_time(self.since), "until": self.until and scope_time(self.until),
                 "waiting": "scheduled" if self.scheduled else "", "ids": ids}  # fmt: skip
        return " ".join(f"{name}={value}" for name, value in given.items() if value) or "all"

    @property
    def names_person(self) -> bool:
        """Whether it selects by recipient or key: few deliveries, which `Search` finds by their terms."""
        return bool(self.recipients or self.keys)

    def values(self) -> dict[str, Any]:
        """The selection as parameters of matches.sql and selected.sql."""
        return {
            "any": not self.ids,
            "ids": list(self.ids),
            "channel": self.channel,
            "route": self.route,
            "because": self.because,
            "table": self.table,
            "scheduled": self.scheduled,
            "members": self.members,
        }

    def windows(self, days: Sequence[Day]) -> list[Window]:
        """The hours of these days that may hold such deliveries, or the whole days of the ids; the oldest first."""
        if not self.ids:
            return list(windows(days, self.since, self.until))
        numbers = {created_ms(each) // DAY_MS for each in self.ids}
        return [whole(each) for each in days if each.number in numbers]
