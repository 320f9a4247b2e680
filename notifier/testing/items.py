"""Items and stream records as DynamoDB has them, from plain Python values. Pure."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from notifier.errors import UsageError
from notifier.events import EVENT_NAMES

_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

Item = Mapping[str, Any]


def record_of(
    *,
    new: Item | None = None,
    old: Item | None = None,
    on: str | None = None,
    keys: Sequence[str] = ("pk", "sk"),
    at: datetime | None = None,
    sequence_number: str = "1",
    expired_by_ttl: bool = False,
) -> dict[str, Any]:
    """Return the stream record of a change, in the JSON of GetRecords. Its arguments are those of `event_of`."""
    name = _event_name(new, old, on)
    item = new if new is not None else old or {}
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": (at or datetime.now(UTC)).timestamp(),
        "Keys": {each: attribute(item[each], each) for each in keys if each in item},
        "SequenceNumber": sequence_number,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if new is not None:
        change["NewImage"] = _attributes(new, "the item")
    if old is not None:
        change["OldImage"] = _attributes(old, "the item before the change")
    record = {"eventID": f"test-{sequence_number}", "eventName": name, "dynamodb": change}
    return record | ({"userIdentity": _TTL} if expired_by_ttl else {})


def attribute(value: Any, where: str) -> dict[str, Any]:
    """Return a value in DynamoDB's JSON. Raise UsageError, which says `where`, for one that it does not store."""
    if isinstance(value, float):
        raise UsageError(f"{where} is a float, which boto3 does not write: use Decimal({str(value)!r})")
    if isinstance(value, set | frozenset):
        return _set(value, where)
    if isinstance(value, Mapping):
        return {"M": _attributes(value, where)}
    if isinstance(value, list | tuple):
        return {"L": [attribute(each, f"{where}[{number}]") for number, each in enumerate(value)]}
    for kind, write in _SCALARS.items():  # bool comes before int, of which it is one
        if isinstance(value, kind):
            return write(value)
    raise UsageError(f"{where} is of {type(value).__name__}, which DynamoDB does not store")


def _attributes(item: Item, where: str) -> dict[str, Any]:
    return {name: attribute(value, f"{name} in {where}") for name, value in item.items()}


def _set(values: Any, where: str) -> dict[str, Any]:
    if values and all(isinstance(each, str) for each in values):
        return {"SS": sorted(values)}
    if values and all(isinstance(each, bytes) for each in values):
        return {"BS": [_base64(each) for each in sorted(values)]}
    if values and all(isinstance(each, int | Decimal) and not isinstance(each, bool) for each in values):
        return {"NS": [_digits(each) for each in sorted(values)]}
    raise UsageError(f"{where} is a set that DynamoDB does not store: it is empty, or has values of several types")


def _digits(number: int | Decimal) -> str:
    """Return a number as DynamoDB returns it: without trailing zeros, so that 2.50 is 2.5, and 2.0 an integer."""
    return format(number.normalize(), "f") if isinstance(number, Decimal) else str(number)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _event_name(new: Item | None, old: Item | None, on: str | None) -> str:
    """Return INSERT, MODIFY or REMOVE. Raise UsageError if `on` does not fit to the items."""
    if new is None and old is None:
        raise UsageError("an event has the item after the change, new=, the item before it, old=, or both")
    fits = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
    if on is None or on == fits:
        return fits
    if on not in EVENT_NAMES:
        raise UsageError(f"on={on!r}: it is INSERT, MODIFY or REMOVE")
    if on == "MODIFY" and old is None:  # a stream of the view type NEW_IMAGE
        return on
    raise UsageError(f"on={on!r} does not fit: an event with {'new' if new is not None else 'old'} alone is {fits}")


_SCALARS: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    int: lambda value: {"N": _digits(value)},
    Decimal: lambda value: {"N": _digits(value)},
    bytes: lambda value: {"B": _base64(value)},
    type(None): lambda _: {"NULL": True},
}
