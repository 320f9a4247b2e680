"""Events to try the system with: samples at a steady rate, or one item of the user's."""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from examples.activity import sample_items
from notifier.errors import UsageError
from sandbox.table import EventTable


def produce_samples(table: EventTable, events: int | None, rate: float) -> int:
    """Write so many events, or without end, at `rate` a second; answers how many were acknowledged."""
    seed = time.time_ns()  # another run writes other items
    return sum(1 for _ in table.write(_paced(seed, events, rate), batch=max(1, min(25, int(rate)))))


def _paced(seed: int, events: int | None, rate: float) -> Iterator[Mapping[str, Any]]:
    numbers = itertools.count() if events is None else iter(range(events))
    began = time.monotonic()
    for number, item in zip(numbers, sample_items(events or 1_000_000_000, seed), strict=False):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield {**item, "pk": f"{item['pk']}#{seed}"}


def parse_item(text: str) -> dict[str, Any]:
    """The item that a user wrote as JSON, with numbers as DynamoDB takes them. Raises UsageError."""
    try:
        item = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise UsageError(f"the item is not JSON: {error}") from None
    if not isinstance(item, dict) or not all(item.get(key) and isinstance(item[key], str) for key in ("pk", "sk")):
        raise UsageError('the item must be an object with the table\'s keys as text: {"pk": "...", "sk": "..."}')
    return item
