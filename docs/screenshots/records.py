"""Records of DynamoDB Streams with the items of the demo, as GetRecords returns them."""

from datetime import UTC, datetime
from typing import Any

from examples.activity import Item
from notifier.notifications import notification_id
from notifier.outbox import NewNotification, ShardLease
from notifier.outbox import records as wire


def notification(
    lease: ShardLease, sequence_number: int, item: Item, at: datetime, wanted_updates: int = 0
) -> NewNotification:
    """Return what the bridge records of an insert of the item at this time, by the route of the item's type."""
    number, milliseconds = str(sequence_number), int(at.timestamp() * 1000)
    id_ = notification_id(lease.stream_arn, lease.shard_id, number, item["type"], milliseconds)
    record = _record(number, item, milliseconds)
    return NewNotification(id_, number, item["type"], "email", lease.table, record, wanted_updates)


def _record(sequence_number: str, item: Item, milliseconds: int) -> bytes:
    image = {name: _typed(value) for name, value in item.items()}
    changed = {
        "ApproximateCreationDateTime": milliseconds / 1000,
        "Keys": {name: image[name] for name in ("pk", "sk")},
        "NewImage": image,
        "SequenceNumber": sequence_number,
        "SizeBytes": 400,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return wire.write({"eventID": sequence_number, "eventName": "INSERT", "dynamodb": changed})


def _typed(value: Any) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def today(hour: int = 0) -> datetime:
    """Return an hour of this day, UTC."""
    return datetime.now(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
