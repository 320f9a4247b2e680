"""A stream record, in the JSON of GetRecords."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from simulators.streams.model.attributes import Wire, item_size

VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")

# The spelling of GetRecords; the events of Lambda have `principalId` and `type`.
_TTL = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}

Item = Mapping[str, Wire]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an item. Without `old` it is new; without `new` it was deleted."""

    keys: Item
    new: Item | None
    old: Item | None
    by_ttl: bool = False

    @property
    def event_name(self) -> str:
        if self.new is None:
            return "REMOVE"
        return "INSERT" if self.old is None else "MODIFY"


@dataclass(frozen=True, slots=True)
class AcknowledgedWrite:
    """A write that has a record. Tests compare these with what was read."""

    stream: str
    shard: str
    sequence_number: str
    event_id: str
    event_name: str
    key: Item
    created: float


def event_id(arn: str, shard_id: str, number: str) -> str:
    """32 hexadecimal digits, the same at each read."""
    return hashlib.blake2b(f"{arn} {shard_id} {number}".encode(), digest_size=16).hexdigest()


def encode(change: Change, view: str, region: str, identity: str, number: str, created: int) -> tuple[bytes, int]:
    """Return the record, and its size as AWS counts it: keys and images. `created` is in whole seconds."""
    images: dict[str, Item] = {"Keys": change.keys}
    if change.new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        images["NewImage"] = change.new
    if change.old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        images["OldImage"] = change.old
    size = sum(item_size(image) for image in images.values())
    record: dict[str, Any] = {
        "eventID": identity,
        "eventName": change.event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": {
            "ApproximateCreationDateTime": created,
            **images,
            "SequenceNumber": number,
            "SizeBytes": size,
            "StreamViewType": view,
        },
    }
    if change.by_ttl:
        record["userIdentity"] = _TTL
    return orjson.dumps(record), size
