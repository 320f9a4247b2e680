"""The prepared records of one shard: made as bytes in chunks, at once or when they are first read."""

import bisect
import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.streams.load.payload import Payload, event_id, fields, key
from simulators.streams.model.clock import DAY
from simulators.streams.model.log import PAGE_BYTES, RecordSummary
from simulators.streams.model.sequence import Numbers

_CHUNK = 1000
# Chunks of a shard that are kept if they are made when they are read.
_CHUNKS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Release:
    """When records appear: `count`, numbered from `first`, one each `every` seconds (0: all at once) from `start`."""

    first: int
    count: int
    start: float
    every: float

    def until(self, now: float) -> int:
        """Return how many are released at `now`."""
        if now < self.start:
            return 0
        if now >= self.created(self.count - 1):
            return self.count
        return int((now - self.start) / self.every) + 1

    def created(self, place: int) -> float:
        return self.start + place * self.every


class Chunk(NamedTuple):
    """Records in one text: the offset of each, and the size of all records before it, as AWS counts it."""

    body: bytes
    offsets: list[int]
    room: list[int]


class PreparedLog:
    """The prepared records of one shard, as `Log`."""

    def __init__(
        self, shard: bytes, numbers: Numbers, payloads: Sequence[Payload], release: Release, *, ahead: bool
    ) -> None:
        """`shard` identifies the shard, so that event ids are unique. `ahead` makes all chunks now."""
        self.numbers = numbers
        self._identity = hashlib.blake2b(shard, digest_size=8).hexdigest().encode()
        self._payloads = payloads
        self._release = release
        self._chunks: OrderedDict[int, Chunk] = OrderedDict()
        self._kept = release.count if ahead else _CHUNKS_KEPT
        if ahead:
            for number in range((release.count + _CHUNK - 1) // _CHUNK):
                self._chunk(number)

    def end(self, now: float) -> int:
        return self._release.until(now)

    def horizon(self, now: float) -> int:
        return self._release.until(now - DAY)

    def page(self, start: int, limit: int, now: float) -> tuple[bytes, int]:
        stop = min(start + limit, self.end(now))
        parts: list[bytes] = []
        place, room = start, PAGE_BYTES
        while place < stop:
            part, taken, used = _cut(self._chunk(place // _CHUNK), place % _CHUNK, stop - place, room)
            if not taken:
                break
            parts.append(part)
            place += taken
            room -= used
        return (parts[0] if len(parts) == 1 else b",".join(parts)), place - start

    def facts(self, place: int) -> RecordSummary:
        created = self._release.created(place)
        named = key(self._release.first + place, created)
        return RecordSummary(event_id(self._identity, place), "INSERT", named, created)

    def _chunk(self, number: int) -> Chunk:
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = self._make(number)
            if len(self._chunks) > self._kept:
                self._chunks.popitem(last=False)
        return chunk

    def _make(self, number: int) -> Chunk:
        places = range(number * _CHUNK, min((number + 1) * _CHUNK, self._release.count))
        records = [self._record(place) for place in places]
        offsets = list(itertools.accumulate((len(record) + 1 for record in records), initial=0))
        chosen = (self._payloads[place % len(self._payloads)].size for place in places)
        return Chunk(b",".join(records), offsets, list(itertools.accumulate(chosen, initial=0)))

    def _record(self, place: int) -> bytes:
        template = self._payloads[place % len(self._payloads)].template
        release = self._release
        number = self.numbers.first + place * self.numbers.step
        return template % fields(release.first + place, self._identity, place, release.created(place), number)


def _cut(chunk: Chunk, start: int, limit: int, room: int) -> tuple[bytes, int, int]:
    """Records of a chunk from `start`, as many as fit into `room`: the bytes, how many, and their size."""
    before = chunk.room[start]
    stop = min(start + limit, bisect.bisect_right(chunk.room, before + room) - 1)
    if stop == start:
        return b"", 0, 0
    whole = start == 0 and stop == len(chunk.offsets) - 1
    body = chunk.body if whole else chunk.body[chunk.offsets[start] : chunk.offsets[stop] - 1]
    return body, stop - start, chunk.room[stop] - before
