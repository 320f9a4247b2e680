"""Which messages of publications the broker does not hold, and how many of them find room there."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from notifier.broker import Queue
from notifier.outbox import Publication


class Lacking(NamedTuple):
    """A publication, and those of its messages that the broker does not hold, with their failures so far."""

    publication: Publication
    ids: Mapping[UUID, int]


class Held:
    """What the broker holds, asked for now and then: it reads whole queues. An answer is good for some `seconds`."""

    def __init__(self, queue: Queue, seconds: float) -> None:
        self._queue = queue
        self._seconds = seconds
        self._known: dict[str, tuple[float, set[UUID]]] = {}

    def of(self, channel: str, age: float) -> set[UUID]:
        """For messages that some bridge published `age` seconds ago: an answer from before that cannot tell of them.
        Raises BrokerError.
        """
        now = time.monotonic()
        asked_at, ids = self._known.get(channel, (float("-inf"), set()))
        if asked_at < now - min(age, self._seconds):
            asked_at = now
            ids = self._queue.held(channel)
            self._known[channel] = (asked_at, ids)
        return ids

    def forget(self) -> None:
        self._known.clear()


def absent(publication: Publication, held: Collection[UUID]) -> Mapping[UUID, int]:
    """What the broker lost, or a worker left to the relay: all that waits, less what the broker still holds."""
    return {id_: failures for id_, failures in publication.waiting.items() if id_ not in held}


def fitting(lacking: Sequence[Lacking], depth: int, high_water: int) -> list[Lacking]:
    """The first of these that find room together in a queue of `depth` messages. An empty one takes the first of them
    whatever its size. Pure.
    """
    found: list[Lacking] = []
    size = 0
    for each in lacking:
        first, size = not size, size + len(each.ids)
        if size and depth + size > high_water and not (first and depth == 0):
            break
        found.append(each)
    return found
