"""Which messages of publications the broker does not hold, and how many of them have room there."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from notifier.broker import Broker
from notifier.outbox import Publication


class MissingMessages(NamedTuple):
    """A publication, and those of its messages that the broker does not hold, with their failures so far."""

    publication: Publication
    ids: Mapping[UUID, int]


class HeldMessages:
    """The messages that the broker holds. It has to read whole queues for that, so an answer is used for up to
    `seconds`.
    """

    def __init__(self, broker: Broker, seconds: float) -> None:
        self._broker = broker
        self._seconds = seconds
        self._known: dict[str, tuple[float, set[UUID]]] = {}

    def of(self, name: str, age: float) -> set[UUID]:
        """Return the ids that the broker holds for the queue `name`, for messages that were published `age` seconds
        ago: an answer from before that is not used for them. Raise BrokerError.
        """
        now = time.monotonic()
        asked_at, ids = self._known.get(name, (float("-inf"), set()))
        if asked_at < now - min(age, self._seconds):
            asked_at = now
            ids = self._broker.held(name)
            self._known[name] = (asked_at, ids)
        return ids

    def forget(self) -> None:
        """Drop all answers: the broker may have lost messages since."""
        self._known.clear()


def missing_ids(publication: Publication, held: Collection[UUID]) -> Mapping[UUID, int]:
    """Return what the broker lost or a worker left to the relay: pending messages that the broker does not hold."""
    return {id_: failures for id_, failures in publication.waiting.items() if id_ not in held}


def fitting(missing: Sequence[MissingMessages], depth: int, high_water: int) -> list[MissingMessages]:
    """Return the first of these that fit together in a queue of `depth` messages. An empty queue takes the first
    publication with messages whatever its size. Pure.
    """
    found: list[MissingMessages] = []
    size = 0
    for each in missing:
        first, size = not size, size + len(each.ids)
        if size and depth + size > high_water and not (first and depth == 0):
            break
        found.append(each)
    return found
