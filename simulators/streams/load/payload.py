"""Templates of records, made of the sample items: only ids, keys, times and recipients are filled in for each."""

import itertools
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from examples.activity import sample_items
from simulators.streams.model.attributes import attributes, item_size
from simulators.streams.model.record import Change, Item, encode

_PAYLOADS = 256
_FILLER = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore. "
_FILLED = "about"

# Placeholders for the parts that differ, each as long as what replaces it.
_NUMBER, _FIRST = "00000000", 10_000_000
_SORT = "2026-01-05T08:00:00.000+00:00#00000000"
_IDENTITY, _SEQUENCE, _CREATED = "?" * 32, "?" * 21, 1_111_111_111
_MARKS = ((_IDENTITY, b"%b%016x"), (_SORT, b"%b"), (_NUMBER, b"%08d"), (_SEQUENCE, b"%021d"), (str(_CREATED), b"%d"))

_EVENT_ID = b"%b%016x"
_MIX, _MASK = 0x9E3779B97F4A7C15, 2**64 - 1


class Payload(NamedTuple):
    """The template of a record: `template % fields(...)` is the record."""

    template: bytes
    size: int


def payloads(item_bytes: int, view: str, region: str, seed: int) -> list[Payload]:
    """256 different ones. Items are padded to about `item_bytes`, as DynamoDB counts them."""
    return [_payload(item, item_bytes, view, region) for item in _items(seed)]


def fields(number: int, shard: bytes, place: int, created: float, sequence_number: int) -> tuple[object, ...]:
    """Return the values for a template, in its order: the event id in two parts, the time, the key, the new image
    with the key and the recipient, and the sequence number. `number` is that of the event.
    """
    user, sort = _FIRST + number, sort_key(number, created)
    return shard, place * _MIX & _MASK, created, user, sort, user, sort, user, sequence_number


def event_id(shard: bytes, place: int) -> str:
    """32 hexadecimal digits: those of the shard, and the place, multiplied so that ids differ in many digits."""
    return (_EVENT_ID % (shard, place * _MIX & _MASK)).decode()


def key(number: int, created: float) -> Item:
    """Return the key of event `number`."""
    return {"pk": {"S": f"user#{_FIRST + number:08d}"}, "sk": {"S": sort_key(number, created).decode()}}


def sort_key(number: int, created: float) -> bytes:
    """Return the time at which it was written, to the millisecond, so that a benchmark can measure latency."""
    second = int(created)
    return b"%b.%03d+00:00#%08x" % (_second(second), (created - second) * 1000, number)


@lru_cache(maxsize=4096)
def _second(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()


def _items(seed: int) -> Iterator[dict[str, object]]:
    for item in sample_items(_PAYLOADS, seed):
        recipient = re.sub(r"\d+@", f"{_NUMBER}@", item["to"])
        yield {**item, "pk": f"user#{_NUMBER}", "sk": _SORT, "to": recipient}


def _payload(item: dict[str, object], item_bytes: int, view: str, region: str) -> Payload:
    new = attributes(item)
    missing = item_bytes - item_size(new) - len(_FILLED)
    if missing > 0:
        new[_FILLED] = {"S": "".join(itertools.islice(itertools.cycle(_FILLER), missing))}
    keys = {name: new[name] for name in ("pk", "sk")}
    body, size = encode(Change(keys, new, None), view, region, _IDENTITY, _SEQUENCE, _CREATED)
    template = body.replace(b"%", b"%%")
    for mark, field in _MARKS:
        template = template.replace(mark.encode(), field)
    return Payload(template, size)
