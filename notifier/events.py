"""An event of a table, and DynamoDB's JSON as plain Python values."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal, cast

from notifier.errors import DecodeError
from notifier.process.frozen import quick_init

EventName = Literal["INSERT", "MODIFY", "REMOVE"]
EVENT_NAMES: frozenset[str] = frozenset(("INSERT", "MODIFY", "REMOVE"))

Wire = Mapping[str, Any]
"""A value as DynamoDB's JSON carries it: `{"S": "text"}`, `{"N": "1"}`, `{"M": {...}}`."""

_LARGEST_EXPONENT = 130  # DynamoDB holds 1E-130 to 9.99E+125, with 38 digits
_LONGEST_NUMBER = 400


@quick_init
@dataclass(frozen=True, slots=True)
class Event:
    """One change of one item. The function of a route gets it.

    The values of an item are plain Python: `str`, `bool`, `None`, `bytes`, `list`, `dict`, `frozenset`, and for a
    number `int`, or `Decimal` if it is written with a fraction or an exponent.

        @route(table="orders", on="MODIFY", match={"status": ["shipped"]}, channel="email")
        def shipped(event: Event) -> Email | None:
            item = event.new or {}
            return Email(to=item["email"], template="shipped", context=item)
    """

    id: str
    """The id that DynamoDB gave to the stream record."""
    table: str
    """The name of the table."""
    name: EventName
    """`INSERT`, `MODIFY` or `REMOVE`."""
    keys: Mapping[str, Any]
    """The key attributes of the item."""
    new: Mapping[str, Any] | None
    """The item after the change. None after REMOVE, or if the stream's view type leaves it out."""
    old: Mapping[str, Any] | None
    """The item before the change. None before INSERT, or if the stream's view type leaves it out."""
    created_at: datetime
    """When the change was made, in UTC."""
    sequence_number: str
    """The sequence number of the record in its shard."""
    expired_by_ttl: bool = field(default=False)
    """Whether the table's time to live removed the item."""

    @classmethod
    def from_record(cls, table: str, record: Wire) -> "Event":
        """Return the event of a stream record in the JSON of GetRecords. Raise DecodeError."""
        try:
            change = record["dynamodb"]
            name = record["eventName"]
            if name not in EVENT_NAMES:
                raise DecodeError(f"eventName is {name!r}, not one of INSERT, MODIFY, REMOVE")
            id_, ttl = record["eventID"], record.get("userIdentity")
            return cls(
                id_ if type(id_) is str else _text(id_, "eventID"),
                table,
                cast("EventName", name),
                _item(change["Keys"]),
                _item(change["NewImage"]) if "NewImage" in change else None,
                _item(change["OldImage"]) if "OldImage" in change else None,
                _moment(change["ApproximateCreationDateTime"]),
                number if type(number := change["SequenceNumber"]) is str else _text(number, "SequenceNumber"),
                ttl is not None and _is_ttl(ttl),
            )
        except KeyError as missing:
            raise DecodeError(f"the record has no {missing.args[0]}") from None
        except (AttributeError, TypeError, ValueError, OverflowError, OSError) as error:
            raise DecodeError(f"{type(error).__name__}: {error}") from None
        except RecursionError:
            raise DecodeError("the item is nested too deeply") from None


def plain(value: Wire) -> Any:
    """Return one attribute value of DynamoDB's JSON as a Python value. Raise DecodeError."""
    if len(value) != 1:
        raise DecodeError(f"an attribute value must have one type, this has {sorted(value)}")
    ((kind, content),) = value.items()
    try:
        decode = _DECODERS[kind]
    except KeyError:
        raise DecodeError(f"unknown attribute type {kind[:20]!r}") from None
    return decode(content)


def _item(attributes: Mapping[str, Wire]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for name, value in attributes.items():
        # Most attributes are text, which needs no call of `plain`.
        if "S" in value and len(value) == 1 and type(text := value["S"]) is str:
            item[name] = text
        else:
            item[name] = plain(value)
    return item


@lru_cache(maxsize=1_000)  # records of one second have the same
def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(value: object, what: str = "S") -> str:
    if not isinstance(value, str):
        raise DecodeError(f"{what} must be text, not {type(value).__name__}")
    return value


def _number(value: object) -> int | Decimal:
    """Return the number. Raise DecodeError if DynamoDB cannot hold it.

    A larger exponent must not reach a route, where `int(...)` of it would fill the memory.
    """
    text = _text(value, "N")
    if len(text) > _LONGEST_NUMBER:
        raise DecodeError(f"a number of {len(text)} characters")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise DecodeError(f"not a number: {text[:60]!r}") from None
    if not number.is_finite():
        raise DecodeError(f"not a finite number: {text[:60]!r}")
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise DecodeError(f"a number out of range: {text[:60]!r}")
    return number


def _elements(values: object) -> list[Any]:
    if not isinstance(values, list):
        raise DecodeError(f"a list or set must be a list, not {type(values).__name__}")
    return values


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"not base64: {error}") from None


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise DecodeError(f"BOOL must be true or false, not {type(value).__name__}")
    return value


def _is_ttl(identity: Wire) -> bool:
    """Return whether DynamoDB's time to live made the change. The key is PrincipalId, or principalId from Lambda."""
    return "dynamodb.amazonaws.com" in (identity.get("PrincipalId"), identity.get("principalId"))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "S": _text,
    "N": _number,
    "BOOL": _bool,
    "NULL": lambda _: None,
    "M": _item,
    "L": lambda values: [plain(each) for each in _elements(values)],
    "B": _binary,
    "SS": lambda values: frozenset(_text(each) for each in _elements(values)),
    "NS": lambda values: frozenset(_number(each) for each in _elements(values)),
    "BS": lambda values: frozenset(_binary(each) for each in _elements(values)),
}
