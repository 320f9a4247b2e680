"""Payloads as JSON: all digits in plain notation, and texts as on every channel."""

import json
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from notifier.errors import TemplateError
from notifier.events import Event
from tests.bridge.stream.records import record
from workers.channels.webhook.request import json_body


def test_an_item_of_dynamodb_is_json_and_the_same_each_time() -> None:
    item = MappingProxyType(
        {
            "price": Decimal("19.99"),
            "tiny": Decimal("1E-30"),
            "tags": frozenset(("b", "a", "c")),
            "numbers": frozenset((3, Decimal("1.5"))),
            "raw": b"\x00\xff",
            "nested": [{"none": None}, True],
        }
    )
    body = json_body({"new": item})
    assert body == json_body({"new": dict(item)})
    assert b'"price":19.99,' in body
    assert json.loads(body)["new"] == {
        "price": 19.99,
        "tiny": 1e-30,
        "tags": ["a", "b", "c"],
        "numbers": [1.5, 3],
        "raw": "AP8=",
        "nested": [{"none": None}, True],
    }


@pytest.mark.parametrize(
    "digits", ["9223372036854775808", "18446744073709551616", "-9223372036854775809", "9" * 38, "1" + "0" * 125]
)
@pytest.mark.parametrize(
    "wrapped", [lambda n: n, lambda n: [n], lambda n: (n, "a"), lambda n: {"a": {"b": [n]}},
                lambda n: frozenset((n, 1)),
                lambda n: MappingProxyType({"a": n}), lambda n: {"a": [MappingProxyType({"b": frozenset((n,))})]}]
)  # fmt: skip
def test_an_integer_beyond_64_bits_has_the_digits_that_are_stored(digits: str, wrapped: Any) -> None:
    item = Event.from_record("activity", record(1, a={"N": digits})).new
    assert item
    assert digits.encode() in json_body(wrapped(item["a"]))
    assert str(json.loads(json_body(item["a"]))) == digits


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("1E-8", "0.00000001"),
        ("3E+5", "300000"),
        ("1.50", "1.50"),
        ("-1.5E-3", "-0.0015"),
        ("1E+125", "1" + "0" * 125),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("0.1234567890123456789012345678901234567", "0.1234567890123456789012345678901234567"),
        ("-0", "0"),
        ("0E-3", "0.000"),
    ],
)
def test_numbers_are_in_plain_notation(stored: str, sent: str) -> None:
    item = Event.from_record("activity", record(1, a={"N": stored})).new
    assert item
    assert json_body({"n": item["a"]}) == f'{{"n":{sent}}}'.encode()


@pytest.mark.parametrize("strange", [Decimal("NaN"), Decimal("Infinity"), float("nan")])
def test_nan_and_infinity_are_null(strange: object) -> None:
    assert json_body([strange]) == b"[null]"
    assert len(json_body(Decimal("1E+1000000"))) < 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("half \ud83d", "half \ufffd"),
        ("two \ud83d\ude00", "two 😀"),
        ("O\x92Brien", "O\ufffdBrien"),
        ("\x07 \0 \x08 \x0c \x7f", "\ufffd \ufffd \ufffd \ufffd \ufffd"),
        ("a\tb\nc\r\n", "a\tb\nc\r\n"),
        ("C:\\bin\\u0007 « »", "C:\\bin\\u0007 « »"),
    ],
)
def test_texts_are_as_on_every_channel(text: str, told: str) -> None:
    payload = {text: [text, {"a": (text, 10**30)}], "set": frozenset((text,))}
    assert json.loads(json_body(payload)) == {told: [told, {"a": [told, 10**30]}], "set": [told]}
    assert json.loads(json_body(text)) == told


NO_JSON = [object(), {"a": {1: "key"}}, {"a": frozenset((1, "a"))}, pytest.param(10**5000, id="digits")]


@pytest.mark.parametrize("payload", NO_JSON)
def test_a_payload_without_json_is_a_template_error(payload: object) -> None:
    with pytest.raises(TemplateError, match="payload"):
        json_body(payload)
    with pytest.raises(TemplateError, match="payload"):
        json_body({"half": "\ud800", "a": payload})
