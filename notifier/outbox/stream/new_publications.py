"""The publications of notifications that were recorded just now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.lanes import Lane, parts_of
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import NewNotification, NewPublication

MessageT = TypeVar("MessageT")

_PUBLICATION = statement(__package__, "insert_publication.sql")

PUBLICATION_SIZE = 250
"""Messages in one publication: few enough that a busy queue soon has room for all of them."""

GRACE_SECONDS = 10.0
"""Seconds that the bridge which recorded a page has to publish it, before the relay does."""


def by_queue(notifications: Iterable[NewNotification]) -> dict[str, list[NewNotification]]:
    """Return the notifications of each queue, in their order."""
    found: dict[str, list[NewNotification]] = defaultdict(list)
    for each in notifications:
        found[each.queue].append(each)
    return found


def in_publications(messages: Sequence[MessageT]) -> list[Sequence[MessageT]]:
    """Return the messages of one queue in parts, each of which is a publication."""
    return [messages[start : start + PUBLICATION_SIZE] for start in range(0, len(messages), PUBLICATION_SIZE)]


def stored_lane(lane: Lane) -> str | None:
    """Return the lane as `publications` has it: null for the normal one."""
    return None if lane is Lane.NORMAL else lane.value


def insert_publications(
    connection: Connection, fresh: Sequence[NewNotification], to_relay: Collection[str]
) -> list[NewPublication]:
    """Insert the publications of these notifications, in the caller's transaction.

    The relay publishes those of the queues `to_relay` at once, the others only after GRACE_SECONDS.
    """
    return [
        made
        for queue, some in by_queue(fresh).items()
        for made in insert_messages(
            connection, queue, [each.id for each in some], 0.0 if queue in to_relay else GRACE_SECONDS
        )
    ]


def insert_messages(
    connection: Connection, queue: str, ids: Sequence[UUID], grace: float = 0.0
) -> list[NewPublication]:
    """Insert publications of messages for one queue, in the caller's transaction. The relay publishes them after
    `grace` seconds.
    """
    channel, lane = parts_of(queue)
    values = {"channel": channel, "lane": stored_lane(lane), "grace": grace}
    return [
        NewPublication(connection.execute(_PUBLICATION, {**values, "ids": uuids(some)}).scalar_one(), queue, some)
        for some in in_publications(ids)
    ]
