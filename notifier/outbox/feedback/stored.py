"""Store the events of a batch that are new, and return them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.engine import storable
from notifier.feedback import Feedback
from notifier.outbox.days import within, within_days
from notifier.outbox.feedback.suppressions import suppression_of
from notifier.outbox.statements import statement

_STORE = statement(__package__, "store_feedback.sql")


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """The new events of a batch: `fresh` ones belong to a notification, `unmatched` is the number of the others.

    Of the others, those that name a notification and an attempt are `waiting` if the notification may still be
    recorded, or `late` if retention has dropped it. `sent_until` is, by the configuration set that events name, the
    time at which the provider accepted the newest message whose `Send` event is in the batch and whose attempt is in
    the database.
    """

    fresh: list[Feedback]
    waiting: list[Feedback]
    late: list[Feedback]
    unmatched: int
    sent_until: dict[str | None, datetime]


def store(connection: Connection, events: Sequence[Feedback]) -> StoredFeedback:
    """Store the events that are new, in the caller's transaction. Return them."""
    by_key = {_key(each): each for each in events}
    distinct = list(by_key.values())
    values: dict[str, list[Any]] = {
        "numbers": list(range(len(distinct))),
        "ids": [each.notification_id for each in distinct],
        "attempts": [each.attempt for each in distinct],
        "kinds": [each.kind.value for each in distinct],
        "message_ids": [each.message_id for each in distinct],
        "occurred": [each.occurred_at for each in distinct],
        "details": [each.detail for each in distinct],
        "sent": [each.sent_at for each in distinct],
        "recipients": [each.recipient if each.attempt and suppression_of(each) else None for each in distinct],
        "permanent": [each.permanent for each in distinct],
        "topics": [each.topic for each in distinct],
        "channels": [each.channel for each in distinct],
        "configuration_sets": [each.configuration_set for each in distinct],
    }
    named = [each.notification_id for each in distinct if each.notification_id is not None]
    query = within(_STORE, named) if named else within_days(_STORE, ())
    found = connection.execute(query, values).all()
    rows = [row for row in found if row[5] is None]
    fresh = [by_key[(row[0], row[1], row[2], row[3])] for row in rows if row[0] is not None]
    unmatched = {(row[1], row[2], row[3]): row[4] for row in rows if row[0] is None}
    ours = [(each, unmatched.get(_key(each)[1:])) for each in distinct if each.notification_id and each.attempt]
    return StoredFeedback(
        fresh,
        [each for each, waits in ours if waits],
        [each for each, waits in ours if waits is False],
        len(unmatched),
        {row[6]: row[5] for row in found if row[5] is not None},
    )


def _key(event: Feedback) -> tuple[UUID | None, str, str, datetime]:
    return event.notification_id, storable(event.message_id), event.kind.value, event.occurred_at
