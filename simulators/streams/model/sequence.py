"""Sequence numbers: 21 to 40 digits that increase within a shard, and from a parent to its children."""

from dataclasses import dataclass
from random import Random

from simulators.streams.behaviour import Behaviour

_WIDTH = 21
# 100000000003218256368, 200000000003218256412, ...: a counter before 20 digits that hardly change. The tenth number
# has one digit more than the ninth, so that code which compares them as text fails soon.
_UNIT = 10**20
# The last digits are different for each shard, so that no two shards share a number.
_SPREAD = 10_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one shard: each is `step` more than the one before, so that places are computed."""

    first: int
    step: int

    def text(self, place: int) -> str:
        return str(self.first + place * self.step).zfill(_WIDTH)

    def place(self, number: int) -> int:
        """Return the first place whose number is at least `number`."""
        return max(0, -((self.first - number) // self.step))


class Numbering:
    """Chooses the numbers of new shards."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._shards = 0

    def next_numbers(self, behaviour: Behaviour, after: int = 0) -> Numbers:
        """Return the numbers of the next shard; `after` is the last number of its parent."""
        counter = 10 ** (behaviour.digits - _WIDTH)
        if behaviour.collide:
            return Numbers(7, 3) if behaviour.padded else Numbers(counter * _UNIT + 3_218_256_368, _UNIT + 44)
        self._shards += 1
        own, stride = self._shards % _SPREAD, self._random.randint(1, 97) * _SPREAD
        if behaviour.padded:
            return Numbers((after // _SPREAD + self._random.randint(1, 99)) * _SPREAD + own, stride)
        tail = self._random.randint(10**5, 10**7) * _SPREAD + own
        return Numbers(max(counter, after // _UNIT + 1) * _UNIT + tail, _UNIT + stride)
