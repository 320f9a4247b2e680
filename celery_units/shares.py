"""How the queues of one worker share what it reserves: by weights, and so that urgent messages always find room.

Set the transport option `queue_shares` to groups of queues, the most urgent first:

    app.conf.broker_transport_options["queue_shares"] = [
        {"queues": ["mail.high"], "weight": 6, "most": 1.0},
        {"queues": ["mail"], "weight": 3, "most": 0.75},
        {"queues": ["mail.low"], "weight": 1, "most": 0.5},
    ]

While all of them have messages, each request takes 6 of 10 from the first, 3 from the second, 1 from the third; what
one group leaves the others take. A group and those after it together hold at most the part `most` of the prefetch
limit, and of the places of the pool: so a backlog of the last group leaves room to the first.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, cycle
from typing import Any

import orjson


class QueueShares:
    """The groups of one channel, and which messages of each it holds. Any thread may call `release`."""

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self._weights = [int(each["weight"]) for each in groups]
        self._most = [float(each["most"]) for each in groups]
        self._levels = {queue: level for level, each in enumerate(groups) for queue in each["queues"]}
        self._held: list[set[str]] = [set() for _ in groups]
        self._turns = cycle(turns(self._weights))

    @property
    def limits(self) -> bool:
        """Whether a group may hold a part only: then `hold` and `release` must be called."""
        return any(each < 1 for each in self._most)

    def level(self, queue: str) -> int:
        """Return the place of the queue's group, 0 for the most urgent one and for queues without a group."""
        return self._levels.get(queue, 0)

    def places(self, level: int, places: int) -> int:
        """Return how many of a pool's places this group and those after it may use together."""
        return max(1, math.floor(places * self._most[level]))

    def hold(self, queue: str, tags: Iterable[str]) -> None:
        self._held[self.level(queue)].update(tags)

    def release(self, tags: Iterable[str]) -> None:
        """Note that messages were acknowledged or given back."""
        gone = set(tags)
        for held in self._held:
            held.difference_update(gone)

    def has_room(self, queue: str, limit: int) -> bool:
        """Return whether a message of the queue may be reserved, with this prefetch limit; 0 is none."""
        return all(room > 0 for room in self._rooms(limit)[: self.level(queue) + 1])

    def argument(self, queues: Sequence[str], limit: int) -> bytes:
        """Return what the script needs to take from the lists of these queues: see reserve.lua."""
        rooms = self._rooms(limit)
        levels = [[weight, room] for weight, room in zip(self._weights, rooms, strict=True)]
        of = [self.level(queue) + 1 for queue in queues]
        return orjson.dumps({"levels": levels, "of": of, "turn": next(self._turns) + 1})

    def _rooms(self, limit: int) -> list[int]:
        """How many more messages each group and those after it may hold together."""
        if not limit:
            return [_NO_LIMIT] * len(self._most)
        counts = list(accumulate(reversed([len(each) for each in self._held])))[::-1]
        return [max(0, math.ceil(limit * most) - held) for most, held in zip(self._most, counts, strict=True)]


_NO_LIMIT = 1_000_000


def turns(weights: Sequence[int]) -> list[int]:
    """Return whose turn it is to have the message that cannot be divided, evenly spread: each as often as its weight.

    turns([2, 1]) == [0, 1, 0]
    """
    places = [((number + 0.5) / weight, level) for level, weight in enumerate(weights) for number in range(weight)]
    return [level for _, level in sorted(places)]
