"""The messages that were built and not sent, for a comparison with what an older system sent."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from notifier.notifications import Status
from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import Window, read_days
from notifier.outbox.operator.selection import Selection
from notifier.outbox.statements import statement

_PAGE = 500
"""Rows that are read at once: with records of 400 kB, the largest of DynamoDB, they take 200 MB."""

_READ = statement(__package__, "read_shadowed.sql")
_COUNT_OTHERS = statement(__package__, "count_others.sql")


@dataclass(frozen=True, slots=True)
class ShadowedMessage:
    """A message that was built and not sent, to a `recipient` as suppressions spell it. `further` are the other
    recipients of a mail to several.
    """

    id: UUID
    route: str
    recipient: str
    subject: str
    sequence_number: str
    record: bytes
    further: tuple[str, ...] = ()


class Shadowed:
    """The shadowed deliveries of one channel, of events from `since` on and before `until`. Empty `route`: any.

    for message in Shadowed(engine, "email", since=monday, until=tuesday).messages():
        print(message.recipient, message.subject)
    """

    def __init__(self, engine: Engine, channel: str, *, since: datetime, until: datetime, route: str = "") -> None:
        self._engine = engine
        self._values = {"channel": channel, "route": route}
        self._selection = Selection(channel=channel, since=since, until=until)

    def messages(self) -> Iterator[ShadowedMessage]:
        """Yield the messages in the order of their events. Each page is read in a transaction of its own."""
        for window in self._windows([Status.SHADOWED]):
            first = window.first
            while True:
                values = {**self._values, "first": first, "end": window.end, "limit": _PAGE}
                with self._engine.connect() as connection:
                    rows = connection.execute(within_days(_READ, window.spans), values).all()
                yield from map(_message, rows)
                if len(rows) < _PAGE:
                    break
                first = UUID(int=rows[-1].notification_id.int + 1)

    def others(self) -> Counter[str]:
        """Return how many deliveries of these events are not shadowed, by status."""
        counted: Counter[str] = Counter()
        with self._engine.connect() as connection:
            for window in self._windows([each for each in Status if each is not Status.SHADOWED]):
                counted += _others(connection, window, self._values)
        return counted

    def _windows(self, statuses: list[Status]) -> list[Window]:
        with self._engine.connect() as connection:
            days = read_days(connection)
        return self._selection.windows([each for each in days if each.may_hold(statuses, self._selection.channel)])


def _others(connection: Connection, window: Window, values: dict[str, Any]) -> Counter[str]:
    bounds = {**values, "first": window.first, "end": window.end}
    rows = connection.execute(within_days(_COUNT_OTHERS, window.spans), bounds)
    return Counter({row.status: row.deliveries for row in rows})


def _message(row: Any) -> ShadowedMessage:
    return ShadowedMessage(
        row.notification_id,
        row.route,
        row.recipient or "",
        row.subject or "",
        row.sequence_number,
        bytes(row.record),
        tuple(dict.fromkeys(row.further_recipients or ())),
    )
