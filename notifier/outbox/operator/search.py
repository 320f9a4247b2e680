"""Notifications that an operator looks for, newest first: an hour of events at a time, until enough are found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from notifier.notifications import created_ms
from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import DAY_MS, Day, Window, read_days, whole, windows

_LIST = text("""
SELECT d.notification_id, n.channel, n.route, d.status, d.attempt, d.failures, d.recipient, d.reason,
       n.recorded_at, d.next_attempt_at
FROM deliveries d JOIN notifications n USING (notification_id)
WHERE d.notification_id >= :first AND d.notification_id < :end
  AND n.notification_id >= :first AND n.notification_id < :end
  AND in_days(d.notification_id) AND in_days(n.notification_id)
  AND (:status = '' OR d.status = CAST(nullif(:status, '') AS delivery_status))
  AND (:any OR d.notification_id = ANY(CAST(:ids AS uuid[])))
  AND (:channel = '' OR n.channel = :channel) AND (:route = '' OR n.route = :route)
ORDER BY d.notification_id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; empty: everything. `since` is a time of the event. Days are not read for other ids."""

    status: str = ""
    channel: str = ""
    route: str = ""
    since: datetime | None = None
    ids: Sequence[UUID] = ()

    def windows(self, days: Sequence[Day]) -> list[Window]:
        """The hours, or where ids are given the days, that may hold such notifications, oldest first."""
        if not self.ids:
            return list(windows(days, self.since))
        numbers = {created_ms(each) // DAY_MS for each in self.ids}
        return [whole(each) for each in days if each.number in numbers]


def newest(engine: Engine, wanted: Filter, limit: int) -> Iterator[dict[str, Any]]:
    """The newest ones, at most `limit`. Counted days that hold none of them are not read."""
    values = {
        "status": wanted.status,
        "channel": wanted.channel,
        "route": wanted.route,
        "any": not wanted.ids,
        "ids": list(wanted.ids),
    }
    statuses = [wanted.status] if wanted.status else []
    with engine.connect() as connection:
        days = [each for each in read_days(connection) if each.may_hold(statuses, wanted.channel)]
        for window in reversed(wanted.windows(days)):
            more = {"first": window.first, "end": window.end, "limit": limit}
            for row in connection.execute(within_days(_LIST, window.spans), {**values, **more}).mappings().all():
                yield dict(row)
                limit -= 1
            if limit <= 0:
                return
