"""A stream, with the tree of its shards."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from simulators.shared.errors import invalid
from simulators.streams.behaviour import Behaviour, VisibilityDelay
from simulators.streams.errors import no_shard
from simulators.streams.model.clock import DAY, START
from simulators.streams.model.log import Log, WrittenLog
from simulators.streams.model.sequence import Numbering, Numbers
from simulators.streams.model.shard import KeyRange, Shard, VisibilityCountdown


class ShardIds:
    """Makes ids: `shardId-<20 digits>-<8 hex digits>`. The digits are the time in milliseconds, made unique."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._last = 0

    def next_id(self, now: float) -> str:
        self._last = max(self._last + 1, int(now * 1000))
        return f"shardId-{self._last:020d}-{self._random.getrandbits(32):08x}"


@dataclass(frozen=True, slots=True)
class StreamProperties:
    """The names of a stream, its view of the table, and when it was created."""

    arn: str
    label: str
    table: str
    view: str
    keys: Sequence[str]
    created: float


class Stream:
    """A simulated stream and its shards. `ids` and `numbering` are shared by all streams of the account."""

    def __init__(self, properties: StreamProperties, ids: ShardIds, numbering: Numbering) -> None:
        self.properties = properties
        self.disabled_at: float | None = None
        self.shards: dict[str, Shard] = {}
        self._ids = ids
        self._numbering = numbering
        self._writable: list[Shard] = []
        self._lowers: list[int] = []

    def open(self, count: int, behaviour: Behaviour, now: float) -> None:
        """Open the first `count` shards."""
        for keys in KeyRange().parts(count) if count else ():
            self._open(None, keys, behaviour, now)

    def next_numbers(self, behaviour: Behaviour) -> Numbers:
        """Return the sequence numbers for another shard of prepared records."""
        return self._numbering.next_numbers(behaviour)

    def add(self, log: Log, closes_at: float | None, behaviour: Behaviour, now: float) -> Shard:
        """Add a shard of prepared records, which may be released later."""
        shard = Shard(self._new_id(behaviour, now), None, None, log, VisibilityCountdown(VisibilityDelay(), now))
        shard.closed_at = closes_at
        self.shards[shard.shard_id] = shard
        return shard

    def to_write(self, key_hash: int) -> Shard:
        """Return the shard that takes writes of keys with this hash. Raise ApiError if no shard takes writes."""
        if not self._writable:
            raise invalid("The stream has no shard that can be written to")
        return self._writable[bisect.bisect_right(self._lowers, key_hash) - 1]

    def replace(self, shard_id: str, parts: int, behaviour: Behaviour, now: float) -> list[Shard]:
        """Close a shard and open its children: one to rotate, two to split. Return the children."""
        parent = self.known(shard_id, now)
        if parent not in self._writable or parent.keys is None:
            raise invalid(f"{shard_id} is closed, or was prepared: it can have no more children")
        parent.close(now, behaviour.parent_open)
        self._writable.remove(parent)
        return [self._open(parent, keys, behaviour, now) for keys in parent.keys.parts(parts)]

    def vanish(self, shard_id: str, behaviour: Behaviour, now: float) -> None:
        """Make all calls answer that the shard does not exist. An open shard gets a child first."""
        shard = self.known(shard_id, now)
        if shard in self._writable:
            self.replace(shard_id, 1, behaviour, now)
        shard.vanished = True

    def disable(self, now: float) -> None:
        self.disabled_at = now
        for shard in self.shards.values():
            if not shard.is_closed(now):
                shard.close(now)
        self._writable.clear()

    def is_gone(self, now: float) -> bool:
        return self.disabled_at is not None and self.disabled_at + DAY <= now

    def known(self, shard_id: str, now: float) -> Shard:
        """Return the shard, whether or not it is listed yet. Raise ApiError if it never existed or has expired."""
        shard = self.shards.get(shard_id)
        if shard is None or shard.is_gone(now):
            raise no_shard()
        return shard

    def listed(self, now: float) -> Iterator[Shard]:
        """Yield the shards that DescribeStream shows, in the order of their ids."""
        return (self.shards[shard_id] for shard_id in sorted(self.shards) if self.shards[shard_id].is_listed(now))

    def _open(self, parent: Shard | None, keys: KeyRange, behaviour: Behaviour, now: float) -> Shard:
        numbers = self._numbering.next_numbers(behaviour, parent.last_number(now) if parent else 0)
        late = behaviour.children_after if parent else VisibilityDelay()
        parent_id = parent.shard_id if parent else None
        # With the parent's countdown, so that DescribeStream shows no child before its parent.
        hidden = VisibilityCountdown(late, now, parent.hidden if parent else None)
        shard = Shard(self._new_id(behaviour, now), parent_id, keys, WrittenLog(numbers), hidden)
        self.shards[shard.shard_id] = shard
        self._writable.append(shard)
        self._writable.sort(key=_lower)
        self._lowers = [_lower(each) for each in self._writable]
        return shard

    def _new_id(self, behaviour: Behaviour, now: float) -> str:
        if behaviour.collide:
            return f"shardId-{int(START * 1000) + len(self.shards):020d}-{len(self.shards):08x}"
        return self._ids.next_id(now)


def _lower(shard: Shard) -> int:
    return shard.keys.lower if shard.keys else 0
