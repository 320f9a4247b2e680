"""Items that a user gives, as JSON, as DynamoDB's JSON, or as words `NAME=TEXT`."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer

from notifier.errors import UsageError
from notifier.text import encodes
from sandbox.table import KEYS

_LEVELS = 32
_TYPES = frozenset(("S", "N", "BOOL", "NULL", "M", "L", "SS", "NS", "B", "BS"))
_deserialize = TypeDeserializer().deserialize


def parse_words(words: Sequence[str]) -> dict[str, Any]:
    """Return the item of words as `pk=user#7` for a text, and `amount:=12.5` for any value in JSON.

    A single word that begins as JSON is the whole item. Raise UsageError.
    """
    if len(words) == 1 and words[0].lstrip()[:1] in ("{", "[", '"', ""):
        return parse_item(words[0])
    item = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.rstrip(":"):
            if len(words) == 1:
                return parse_item(word)
            raise UsageError(f"{word[:80]!r} is neither NAME=TEXT nor NAME:=JSON")
        item[name.removesuffix(":")] = _value(value, name) if name.endswith(":") else value
    return _checked(item)


def parse_item(text: str) -> dict[str, Any]:
    """Return the item in a user's JSON, plain or in DynamoDB's form, in which `pk` is {"S": "..."}.

    Numbers with a fraction become Decimal, because boto3 refuses float. Raise UsageError if it is not JSON, lacks a
    key, or has a value that DynamoDB does not store.
    """
    return _checked(_parsed(text, "the item"))


def parse_items(text: str) -> list[dict[str, Any]]:
    """Return the items of a file: one, one after another (as one a line), or an array. Raise UsageError."""
    found = list(_values(text))
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if not found:
        raise UsageError("there is no item in it")
    return [_checked(item) for item in found]


def _values(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
    at = 0
    while rest := text[at:].lstrip("\ufeff \t\r\n,"):
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, len(text) - len(rest)) + 1
            raise UsageError(f"the item that begins in line {line} is not JSON: {error}") from None
        yield value
        at = len(text) - len(rest) + end


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is not JSON: {error}") from None


def _value(text: str, name: str) -> Any:
    return _parsed(text, name.removesuffix(":"))


def _checked(item: Any) -> dict[str, Any]:
    item = _plain(item)
    if isinstance(item, dict) and (missing := [key for key in KEYS if key not in item]):
        raise UsageError(
            f"the item has no {' and no '.join(missing)}, a key of the table: "
            'notifier put pk=user#7 sk=request#1 ..., or {"pk": "...", "sk": "..."}'
        )
    if not isinstance(item, dict) or not all(item.get(key) and isinstance(item[key], str) for key in KEYS):
        raise UsageError('the item must be an object with the table\'s keys as text: {"pk": "...", "sk": "..."}')
    _check(item, "the item", 0)
    return item


def _plain(item: Any) -> Any:
    """Return an item in DynamoDB's JSON as a plain one, any other as it is. A key is never a map in a plain one."""
    if not isinstance(item, dict) or not isinstance(item.get(KEYS[0]), dict):
        return item
    for name, value in item.items():
        if not isinstance(value, dict) or len(value) != 1 or not _TYPES & value.keys():
            raise UsageError(f'{name} is not in DynamoDB\'s JSON, as {KEYS[0]} is: {{"S": "..."}}')
    try:
        return {name: _deserialize(value) for name, value in item.items()}
    except (TypeError, ValueError, AttributeError, DecimalException) as error:
        raise UsageError(f"the item is not in DynamoDB's JSON: {error}") from None


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
    if isinstance(value, list | set):
        for number, each in enumerate(value):
            _check(each, f"{where}[{number}]", depth + 1)


def _is_stored(number: int | Decimal) -> bool:
    try:
        DYNAMODB_CONTEXT.create_decimal(number)
    except DecimalException:
        return False
    return Decimal(number).is_finite()
