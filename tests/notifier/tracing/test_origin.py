"""Which texts are traceparents, and where a record has its own."""

import json
from typing import Any

import pytest

from notifier.tracing.origin import Origin
from notifier.tracing.record import origin_in

TEXT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ORIGIN = Origin(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, 1)


def test_a_traceparent_is_read_and_written() -> None:
    assert Origin.of(TEXT) == ORIGIN
    assert ORIGIN.traceparent == TEXT
    assert ORIGIN.trace == TEXT[3:35]


@pytest.mark.parametrize("text", [TEXT.replace("00-4", "cc-4"), TEXT.replace("00-4", "01-4") + "-more"])
def test_a_newer_version_is_read_as_far_as_it_is_known(text: str) -> None:
    assert Origin.of(text) == ORIGIN


def test_of_the_flags_only_sampled_is_passed_on() -> None:
    found = Origin.of(TEXT[:-2] + "fe")
    assert found is not None
    assert not found.sampled
    assert found.traceparent == TEXT[:-2] + "00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT + "-more",
        TEXT.upper(),
        TEXT + "\n",
        " " + TEXT,
        "ff" + TEXT[2:],
        TEXT[:3] + "0" * 32 + TEXT[35:],
        TEXT[:36] + "0" * 16 + TEXT[52:],
        TEXT.replace("a3ce", "g3ce"),
        None,
        7,
        {"S": TEXT},
    ],
)
def test_what_is_malformed_is_ignored(text: object) -> None:
    assert Origin.of(text) is None


def record(**images: Any) -> bytes:
    return json.dumps({"dynamodb": images}).encode()


def test_the_item_after_the_change_has_it_or_the_one_that_was_removed() -> None:
    mine, other = {"trace": {"S": TEXT}}, {"trace": {"S": TEXT.replace("-01", "-00")}}
    assert origin_in(record(NewImage=mine, OldImage=other), "trace") == ORIGIN
    assert origin_in(record(OldImage=mine), "trace") == ORIGIN


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"trace",
        b'"trace"',
        record(),
        record(NewImage={"trace": {"N": "1"}}),
        record(NewImage={"trace": "x"}),
        record(NewImage={}, OldImage=["trace"]),
        record(NewImage={"more": {"S": "trace"}}, OldImage={"trace": {"S": TEXT}}),
        record(Keys={"trace": {"S": TEXT}}),
    ],
)
def test_a_record_without_one_has_no_origin(raw: bytes) -> None:
    assert origin_in(raw, "trace") is None
