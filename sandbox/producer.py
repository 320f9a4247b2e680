"""Items to write to a table: samples at a steady rate, or one that the user gives as JSON."""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

from boto3.dynamodb.types import DYNAMODB_CONTEXT

from examples.activity import sample_items
from notifier.errors import UsageError
from notifier.text import encodes
from sandbox.table import KEYS, EventTable

_LEVELS = 32


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


def parse_item(text: str) -> dict[str, Any]:
    """Return the item in a user's JSON. Numbers with a fraction become Decimal, because boto3 refuses float.

    Raise UsageError if it is not JSON, lacks a key, or has a value that DynamoDB does not store.
    """
    try:
        item = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the item is not JSON: {error}") from None
    if not isinstance(item, dict) or not all(item.get(key) and isinstance(item[key], str) for key in KEYS):
        raise UsageError('the item must be an object with the table\'s keys as text: {"pk": "...", "sk": "..."}')
    _check(item, "the item", 0)
    return item


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is no number of JSON, nor of DynamoDB; as text it is "{constant}"')


def _check(value: Any, where: str, depth: int) -> None:
    """Raise UsageError for the first value that DynamoDB does not store. `depth`: nesting level of `value`."""
    if depth > _LEVELS:
        raise UsageError(f"{where[:80]}... is nested deeper than DynamoDB's {_LEVELS} levels")
    if isinstance(value, str) and not encodes(value):
        raise UsageError(f"{where} contains a lone surrogate, which UTF-8 cannot encode")
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and not _is_stored(value):
        raise UsageError(
            f"{where} is {str(value)[:45]}, which DynamoDB does not store: a number has at most 38 digits there and "
            "is from 1E-130 to 9.9E+125. In quotes it is kept as text"
        )
    if isinstance(value, dict):
        for name, each in value.items():
            _check(name, f"a name in {where}", depth)
            _check(each, f"{where}.{name}" if depth else name, depth + 1)
    if isinstance(value, list):
        for number, each in enumerate(value):
            _check(each, f"{where}[{number}]", depth + 1)


def _is_stored(number: int | Decimal) -> bool:
    try:
        DYNAMODB_CONTEXT.create_decimal(number)
    except DecimalException:
        return False
    return True
