"""A shard: its records, its range of keys, and what DescribeStream shows of it."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from simulators.streams.behaviour import VisibilityDelay
from simulators.streams.model.clock import DAY
from simulators.streams.model.log import Log

KEY_SPACE = 2**64


class VisibilityCountdown:
    """Whether a delay of visibility is over. It is not before the delay `before` it is over."""

    def __init__(self, late: VisibilityDelay, now: float, before: "VisibilityCountdown | None" = None) -> None:
        self._until = now + late.seconds
        self._calls = late.calls
        self._before = None if before is None or before.is_over(now) else before

    def is_over(self, now: float) -> bool:
        return now >= self._until and self._calls <= 0 and (self._before is None or self._before.is_over(now))

    def count_call(self) -> None:
        self._calls -= 1


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Hashes of partition keys, from `lower` up to but without `upper`."""

    lower: int = 0
    upper: int = KEY_SPACE

    def halves(self) -> tuple["KeyRange", "KeyRange"]:
        middle = (self.lower + self.upper) // 2
        return KeyRange(self.lower, middle), KeyRange(middle, self.upper)

    def parts(self, count: int) -> list["KeyRange"]:
        width = self.upper - self.lower
        edges = [self.lower + width * number // count for number in range(count + 1)]
        return [KeyRange(*pair) for pair in pairwise(edges)]


class Shard:
    """A shard of a stream. `keys` is None for a shard of prepared records, to which nothing can be written."""

    def __init__(
        self, shard_id: str, parent: str | None, keys: KeyRange | None, log: Log, hidden: VisibilityCountdown
    ) -> None:
        self.shard_id = shard_id
        self.parent = parent
        self.keys = keys
        self.log = log
        self.closed_at: float | None = None
        self.vanished = False
        self.hidden = hidden
        self._shown_open: VisibilityCountdown | None = None

    def close(self, now: float, shown_open: VisibilityDelay | None = None) -> None:
        """Close the shard. DescribeStream shows it as open until `shown_open` is over."""
        self.closed_at = now
        self._shown_open = VisibilityCountdown(shown_open, now) if shown_open else None

    def is_closed(self, now: float) -> bool:
        return self.closed_at is not None and self.closed_at <= now

    def is_gone(self, now: float) -> bool:
        """Return whether it vanished, or was closed a day ago, after which AWS does not know it."""
        return self.vanished or (self.closed_at is not None and self.closed_at + DAY <= now)

    def is_listed(self, now: float) -> bool:
        return self.hidden.is_over(now) and not self.is_gone(now)

    def count_call(self) -> None:
        """Count a call of DescribeStream."""
        self.hidden.count_call()
        if self._shown_open:
            self._shown_open.count_call()

    def describe(self, now: float) -> dict[str, Any]:
        """Return the shard as DescribeStream shows it."""
        numbers = {"StartingSequenceNumber": self.log.numbers.text(0)}
        if self.is_closed(now) and (self._shown_open is None or self._shown_open.is_over(now)):
            numbers["EndingSequenceNumber"] = self.log.numbers.text(max(self.log.end(now) - 1, 0))
        shown: dict[str, Any] = {"ShardId": self.shard_id, "SequenceNumberRange": numbers}
        return shown if self.parent is None else {**shown, "ParentShardId": self.parent}

    def last_number(self, now: float) -> int:
        return int(self.log.numbers.text(self.log.end(now)))
