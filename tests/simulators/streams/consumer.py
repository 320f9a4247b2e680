"""A consumer that reads parents before children, and takes all records of a page before it goes on."""

from typing import Any

from bridge.stream.client import IteratorExpired, ShardGone, StreamThrottled
from notifier.errors import DataTrimmed, Unreachable
from tests.simulators.streams.in_process import InProcessStreams

Place = tuple[str, str]


class Consumer:
    def __init__(self, source: InProcessStreams, table: str) -> None:
        self.source = source
        self.table = table
        self.parents: dict[Place, str | None] = {}
        self.checkpoints: dict[Place, str] = {}
        self.done: set[Place] = set()
        self.read: list[tuple[str, str, dict[str, Any]]] = []
        self._from_horizon: set[Place] = set()

    def sweep(self) -> None:
        try:
            for arn in self.source.streams(self.table):
                for shard in self.source.shards(arn):
                    self.parents.setdefault((arn, shard.shard_id), shard.parent_shard_id)
        except (StreamThrottled, Unreachable, ShardGone):
            return  # at the next call

    def ready(self) -> list[Place]:
        """Shards that are not read to their end, and whose parents are, or were never seen."""
        return [
            (arn, shard)
            for (arn, shard), parent in sorted(self.parents.items())
            if (arn, shard) not in self.done and (arn, parent) not in self.parents.keys() - self.done
        ]

    def poll(self, place: Place, pages: int = 2) -> bool:
        """Read some pages from the checkpoint. True if there was anything new."""
        before = len(self.read), len(self.done)
        try:
            after = None if place in self._from_horizon else self.checkpoints.get(place)
            iterator: str | None = self.source.iterator(*place, after)
            for _ in range(pages):
                page = self.source.records(iterator)
                for record in page.records:
                    self._take(place, record)
                iterator = page.next_iterator
                if iterator is None:
                    self.done.add(place)
                    break
        except DataTrimmed:
            self._from_horizon.add(place)
        except ShardGone:
            self.done.add(place)
        except (StreamThrottled, Unreachable, IteratorExpired):
            pass
        return before != (len(self.read), len(self.done))

    def _take(self, place: Place, record: dict[str, Any]) -> None:
        self._from_horizon.discard(place)
        self.checkpoints[place] = record["dynamodb"]["SequenceNumber"]
        self.read.append((*place, record))
