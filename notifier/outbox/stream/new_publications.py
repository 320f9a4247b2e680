"""The publications of notifications that were recorded just now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, chain
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from notifier.database.arrays import uuids
from notifier.lanes import Lane, parts_of
from notifier.outbox.delivery.changes import array, or_nulls, text_array
from notifier.outbox.statements import statement
from notifier.outbox.stream.pages import NewNotification, NewPublication

MessageT = TypeVar("MessageT")

_PUBLICATIONS = statement(__package__, "insert_publications.sql")

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
    queues = {queue: [each.id for each in some] for queue, some in by_queue(fresh).items()}
    return _insert(connection, queues, to_relay)


def insert_messages(connection: Connection, queue: str, ids: Sequence[UUID]) -> list[NewPublication]:
    """Insert publications of one queue, in the caller's transaction. The relay publishes them at once."""
    return _insert(connection, {queue: ids}, (queue,))


def _insert(
    connection: Connection, queues: Mapping[str, Sequence[UUID]], to_relay: Collection[str]
) -> list[NewPublication]:
    parts = [(queue, part) for queue, ids in queues.items() for part in in_publications(ids)]
    if not parts:
        return []
    values = {"ids": uuids(chain.from_iterable(queues.values())), **publication_values(parts, to_relay)}
    made = {first: publication for publication, first in connection.execute(_PUBLICATIONS, values)}
    return [NewPublication(made[ids[0]], queue, ids) for queue, ids in parts]


def publication_values(parts: Sequence[tuple[str, Sequence[object]]], to_relay: Collection[str]) -> dict[str, str]:
    """Return the parameters of publications, each of which has the next messages of all, and is for a queue."""
    names = [parts_of(queue) for queue, _ in parts]
    ends = list(accumulate(len(messages) for _, messages in parts))
    return {
        "queue_channels": text_array(channel for channel, _ in names),
        "lanes": or_nulls([stored_lane(lane) for _, lane in names]),
        "firsts": array([str(end - len(messages) + 1) for end, (_, messages) in zip(ends, parts, strict=True)]),
        "lasts": array(list(map(str, ends))),
        "graces": array(["0" if queue in to_relay else str(GRACE_SECONDS) for queue, _ in parts]),
    }
