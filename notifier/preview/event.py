"""An event from what a person pastes: an item as plain JSON or as DynamoDB's JSON, or a whole stream record. Pure."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from notifier.errors import DecodeError, UsageError
from notifier.events import EVENT_NAMES, Event, EventName, plain

_TYPES = frozenset(("S", "N", "BOOL", "NULL", "M", "L", "B", "SS", "NS", "BS"))
_SEQUENCE_NUMBER = "0"
_ID = "preview"


def event_of(text: str, *, table: str = "", name: str = "INSERT", old: str = "", keys: Sequence[str] = ()) -> Event:
    """Return the event of an item, or of a stream record. A record has its own name, keys and images: the other
    arguments are for an item.

    `name` is INSERT, MODIFY or REMOVE; for REMOVE the item is the one before the change. `old` is the item before a
    MODIFY. `keys` are the table's key attributes; without them each attribute counts as one. Raise UsageError.
    """
    document = _parsed(text, "the item")
    if (record := _record_in(document)) is not None:
        return _of_record(record, table)
    if name not in EVENT_NAMES:
        raise UsageError(f"the event is {name!r}, not INSERT, MODIFY or REMOVE")
    if not table:
        raise UsageError("name the table that the item is in")
    item = _item(document, "the item")
    before = _item(_parsed(old, "the item before the change"), "the item before the change") if old.strip() else None
    return Event(
        id=_ID,
        table=table,
        name=cast("EventName", name),
        keys={each: value for each, value in item.items() if not keys or each in keys},
        new=None if name == "REMOVE" else item,
        old=item if name == "REMOVE" else before if name == "MODIFY" else None,
        created_at=datetime.now(UTC),
        sequence_number=_SEQUENCE_NUMBER,
    )


def values_of(text: str) -> dict[str, Any]:
    """Return a template's values from a JSON object, plain or DynamoDB's. Raise UsageError."""
    return _item(_parsed(text, "the context"), "the context")


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise UsageError(f"{what} is not JSON: {error}") from None
    except RecursionError:
        raise UsageError(f"{what} is nested too deeply") from None


def _record_in(document: Any) -> Mapping[str, Any] | None:
    """Return the stream record that the document is, or has alone as Lambda functions get it. None if neither."""
    if isinstance(document, dict) and isinstance(several := document.get("Records"), list) and len(several) == 1:
        document = several[0]
    is_record = isinstance(document, dict) and isinstance(document.get("dynamodb"), dict) and "eventName" in document
    return document if is_record else None


def _of_record(record: Mapping[str, Any], table: str) -> Event:
    change = {
        "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
        "SequenceNumber": _SEQUENCE_NUMBER,
        "Keys": {},
        **record["dynamodb"],
    }
    source = str(record.get("eventSourceARN", ""))
    table = source.partition(":table/")[2].partition("/")[0] or table
    if not table:
        raise UsageError("name the table that the record is of")
    try:
        return Event.from_record(table, {"eventID": _ID, **record, "dynamodb": change})
    except DecodeError as error:
        raise UsageError(f"the record cannot be read: {error}") from None


def _item(document: Any, what: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise UsageError(f'{what} must be a JSON object, as {{"name": "Ana"}}')
    if not document or not all(_is_typed(value) for value in document.values()):
        return document
    try:
        return cast("dict[str, Any]", plain({"M": document}))
    except (DecodeError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"{what} looks like DynamoDB's JSON, and cannot be read: {error}") from None


def _is_typed(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and _TYPES.issuperset(cast("Collection[str]", value))
