"""Sample items, written to a table at a steady rate."""

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

from examples.activity import sample_items
from sandbox.table import EventTable


def produce_samples(table: EventTable, events: int | None, rate: float) -> int:
    """Write `events` sample items (None: without end), `rate` a second. Return how many DynamoDB acknowledged."""
    seed = time.time_ns()  # so that another run writes other items
    return sum(1 for _ in table.write(_paced(seed, events, rate), batch=max(1, min(25, int(rate)))))


def _paced(seed: int, events: int | None, rate: float) -> Iterator[Mapping[str, Any]]:
    numbers = itertools.count() if events is None else iter(range(events))
    began = time.monotonic()
    for number, item in zip(numbers, sample_items(events or 1_000_000_000, seed), strict=False):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield {**item, "pk": f"{item['pk']}#{seed}"}
