"""A table: its items, and the streams it had."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from simulators.streams.errors import invalid
from simulators.streams.model.attributes import Wire
from simulators.streams.model.record import Change, Item
from simulators.streams.model.stream import Stream


class Table:
    """`keys` are the names of its partition key and, where it has one, its sort key."""

    def __init__(self, name: str, keys: Sequence[str]) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.stream: Stream | None = None
        self._items: dict[bytes, Item] = {}

    def put(self, item: Item) -> Change | None:
        """None where nothing changes: DynamoDB writes no record then."""
        keys = self.keys_of(item)
        place = _place(keys)
        old = self._items.get(place)
        if old == item:
            return None
        self._items[place] = item
        return Change(keys, item, old)

    def delete(self, keys: Item, *, by_ttl: bool = False) -> Change | None:
        """None where there is no such item."""
        keys = self.keys_of(keys)
        old = self._items.pop(_place(keys), None)
        return None if old is None else Change(keys, None, old, by_ttl)

    def key_hash(self, keys: Item) -> int:
        """Where the partition key lies in the key space."""
        digest = hashlib.blake2b(orjson.dumps(keys[self.keys[0]]), digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def keys_of(self, item: Item) -> Mapping[str, Wire]:
        """Raises ApiError where one is missing."""
        try:
            return {name: item[name] for name in self.keys}
        except KeyError as missing:
            raise invalid(f"One of the required keys was not given a value: {missing.args[0]}") from None


def key_schema(keys: Sequence[str]) -> list[dict[str, Any]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _place(keys: Item) -> bytes:
    return orjson.dumps(list(keys.values()))
