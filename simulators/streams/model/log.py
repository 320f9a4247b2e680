"""The records of one shard, and when they are trimmed."""

from typing import NamedTuple, Protocol

from simulators.streams.model.clock import DAY
from simulators.streams.model.record import Item
from simulators.streams.model.sequence import Numbers

# GetRecords returns at most so many bytes, by SizeBytes.
PAGE_BYTES = 1024 * 1024


class RecordSummary(NamedTuple):
    """What `/_sim/truth` shows of a record."""

    event_id: str
    event_name: str
    key: Item
    created: float


class WrittenRecord(NamedTuple):
    body: bytes
    size: int
    facts: RecordSummary


class Log(Protocol):
    """Records by their place in the shard, from 0. The record at a place never changes."""

    numbers: Numbers

    def end(self, now: float) -> int:
        """Return the place after the last record that is written."""

    def horizon(self, now: float) -> int:
        """Return the place of the first record that is not trimmed."""

    def page(self, start: int, limit: int, now: float) -> tuple[bytes, int]:
        """Return up to `limit` records or 1 MB from `start`, as a JSON array without brackets, and their number."""

    def facts(self, place: int) -> RecordSummary: ...


class WrittenLog:
    """Records that were written one by one."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self._kept: list[WrittenRecord] = []
        self._horizon = 0

    def append(self, kept: WrittenRecord) -> None:
        self._kept.append(kept)

    def end(self, now: float) -> int:  # noqa: ARG002  all records are written
        return len(self._kept)

    def horizon(self, now: float) -> int:
        while self._horizon < len(self._kept) and self._kept[self._horizon].facts.created + DAY <= now:
            self._horizon += 1
        return self._horizon

    def page(self, start: int, limit: int, now: float) -> tuple[bytes, int]:  # noqa: ARG002
        bodies: list[bytes] = []
        room = PAGE_BYTES
        for kept in self._kept[start : start + limit]:
            room -= kept.size
            if bodies and room < 0:
                break
            bodies.append(kept.body)
        return b",".join(bodies), len(bodies)

    def facts(self, place: int) -> RecordSummary:
        return self._kept[place].facts
