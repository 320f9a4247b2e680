"""Decodes a stream record, as it came over the wire, to an event; computes the id of its notification. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from notifier.errors import DecodeError
from notifier.events import Event
from notifier.notifications import notification_id
from notifier.outbox import ShardLease

_EARLIEST = 1_293_840_000  # 2011: before DynamoDB
_LATEST = 4_102_444_800  # 2100: a later creation time would make partitions far into the future
_LONGEST = 40  # digits of a sequence number


def decode(table: str, record: Mapping[str, Any]) -> Event:
    """Return the event of a record. Raise DecodeError if it is none: the record belongs in quarantine then."""
    event = Event.from_record(table, record)
    if _milliseconds(event.created_at) is None:
        raise DecodeError(f"ApproximateCreationDateTime is {event.created_at.isoformat()}")
    if not _is_number(event.sequence_number):
        raise DecodeError(f"SequenceNumber is {event.sequence_number[:60]!r}, not a number")
    return event


def identity(lease: ShardLease, event: Event, route: str) -> UUID:
    """Return the id of the notification that the route makes of the event."""
    created = _milliseconds(event.created_at)
    assert created is not None  # noqa: S101  `decode` has checked it
    return notification_id(lease.stream_arn, lease.shard_id, event.sequence_number, route, created)


def sequence_number(record: Any) -> str | None:
    """Return the record's sequence number, also if nothing else of it can be decoded; None if it has none."""
    try:
        number = record["dynamodb"]["SequenceNumber"]
    except (KeyError, TypeError):
        return None
    return number if isinstance(number, str) and _is_number(number) else None


def creation_time(record: object) -> datetime | None:
    """Return when the record was made, also if nothing else of it can be decoded; None if it does not say."""
    match record:
        case {"dynamodb": {"ApproximateCreationDateTime": (int() | float()) as seconds}} if _is_time(seconds):
            return datetime.fromtimestamp(seconds, UTC)
    return None


@lru_cache(maxsize=1_000)  # records of one second have the same
def _milliseconds(created_at: datetime) -> int | None:
    """Return the Unix milliseconds, None if it is no time at which a record can have been made."""
    seconds = created_at.timestamp()
    return int(seconds * 1000) if _is_time(seconds) else None


def _is_time(seconds: float) -> bool:
    return not isinstance(seconds, bool) and _EARLIEST < seconds < _LATEST


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST
