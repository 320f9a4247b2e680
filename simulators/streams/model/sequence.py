"""Sequence numbers: 21 to 40 digits that grow along a shard, and along its children."""

from dataclasses import dataclass
from random import Random

from simulators.streams.behaviour import Behaviour

_WIDTH = 21
# 100000000003218256368, 200000000003218256412, ...: a counter before 20 digits that hardly move. The tenth number has
# a digit more than the ninth, so whoever compares them as text is found out soon.
_UNIT = 10**20
# Keeps shards apart: the last digits are a shard's own.
_SPREAD = 10_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one shard: each is `step` more than the one before, so a place can be computed."""

    first: int
    step: int

    def text(self, place: int) -> str:
        return str(self.first + place * self.step).zfill(_WIDTH)

    def place(self, number: int) -> int:
        """The first place whose number is not below this one."""
        return max(0, -((self.first - number) // self.step))


class Numbering:
    """Draws the numbers of new shards."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._shards = 0

    def draw(self, behaviour: Behaviour, after: int = 0) -> Numbers:
        """For a shard whose parent went as far as `after`."""
        counter = 10 ** (behaviour.digits - _WIDTH)
        if behaviour.collide:
            return Numbers(7, 3) if behaviour.padded else Numbers(counter * _UNIT + 3_218_256_368, _UNIT + 44)
        self._shards += 1
        own, stride = self._shards % _SPREAD, self._random.randint(1, 97) * _SPREAD
        if behaviour.padded:
            return Numbers((after // _SPREAD + self._random.randint(1, 99)) * _SPREAD + own, stride)
        tail = self._random.randint(10**5, 10**7) * _SPREAD + own
        return Numbers(max(counter, after // _UNIT + 1) * _UNIT + tail, _UNIT + stride)
