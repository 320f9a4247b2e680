"""A table: its items and its stream."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from simulators.shared.errors import invalid
from simulators.streams.model.attributes import Wire
from simulators.streams.model.record import Change, Item
from simulators.streams.model.stream import Stream


class Table:
    """A simulated table. `keys` are the names of the partition key and, if there is one, of the sort key."""

    def __init__(self, name: str, keys: Sequence[str]) -> None:
        self.name = name
        self.keys = tuple(keys)
        self.stream: Stream | None = None
        self._items: dict[bytes, Item] = {}

    def put(self, item: Item) -> Change | None:
        """Write an item. None if it is the same as before: DynamoDB writes no record then."""
        keys = self.keys_of(item)
        place = _place(keys)
        old = self._items.get(place)
        if old == item:
            return None
        self._items[place] = item
        return Change(keys, item, old)

    def delete(self, keys: Item, *, by_ttl: bool = False) -> Change | None:
        """Delete an item. None if there is none with these keys."""
        keys = self.keys_of(keys)
        old = self._items.pop(_place(keys), None)
        return None if old is None else Change(keys, None, old, by_ttl)

    def key_hash(self, keys: Item) -> int:
        """Return the hash of the partition key, by which its shard is found."""
        digest = hashlib.blake2b(orjson.dumps(keys[self.keys[0]]), digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def keys_of(self, item: Item) -> Mapping[str, Wire]:
        """Return the keys of an item. Raise ApiError if one is missing."""
        try:
            return {name: item[name] for name in self.keys}
        except KeyError as missing:
            raise invalid(f"One of the required keys was not given a value: {missing.args[0]}") from None


def key_schema(keys: Sequence[str]) -> list[dict[str, Any]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _place(keys: Item) -> bytes:
    return orjson.dumps(list(keys.values()))
