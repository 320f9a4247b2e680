"""Rows made by us are those that psycopg makes, byte by byte."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.copy import Writer
from sqlalchemy import Engine

from notifier.outbox import NewNotification
from notifier.outbox.stream.binary_rows import delivery_rows, notification_rows, reported_delivery_rows

SHARD = 2**31 - 1
NOTIFICATIONS = [
    NewNotification(UUID(int=0), "1", "r", "email", "t", b""),
    NewNotification(UUID(int=2**128 - 1), "9" * 40, "größe \U0001f600", "sms", "täble", b"\0\xff\r\n", 5),
    NewNotification(UUID(int=3), "2", "r", "email", "t", b"x" * 400_000, 2**31 - 1),
    *(
        NewNotification(UUID(int=number << 64), str(number), "r", "email", "t", b"{}" * number)
        for number in range(500)
    ),
]


class Kept(Writer):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.bytes = b""

    def write(self, data: Any) -> None:
        self.bytes += bytes(data)


def by_psycopg(engine: Engine, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        kept = Kept()
        with psycopg.Copy(driver.cursor(), binary=True, writer=kept) as copy:
            copy.set_types(types)
            for each in rows:
                copy.write_row(each)
        return kept.bytes


@pytest.mark.parametrize("rows", [NOTIFICATIONS, NOTIFICATIONS[:1], NOTIFICATIONS[1:3]], ids=["many", "one", "two"])
def test_rows_are_those_that_psycopg_makes(engine: Engine, rows: Sequence[NewNotification]) -> None:
    types = ["uuid", "int4", "text", "text", "text", "text", "bytea"]
    values = [
        (each.id, SHARD, each.sequence_number, each.route, each.channel, each.table, each.record) for each in rows
    ]
    assert b"".join(notification_rows(SHARD, rows, "utf-8")) == by_psycopg(engine, types, values)

    ids = [(each.id,) for each in rows]
    assert delivery_rows(rows) == by_psycopg(engine, ["uuid"], ids)

    reported = [(each.id, each.wanted_updates or None) for each in rows]
    assert reported_delivery_rows(rows) == by_psycopg(engine, ["uuid", "int4"], reported)


@pytest.mark.parametrize("made", [delivery_rows, reported_delivery_rows])
def test_a_page_without_rows_has_head_and_tail(
    engine: Engine, made: Callable[[Sequence[NewNotification]], bytes]
) -> None:
    assert made([]) == b"".join(notification_rows(SHARD, [], "utf-8")) == by_psycopg(engine, ["uuid"], [])


def test_text_is_in_the_encoding_of_the_connection() -> None:
    row = NewNotification(UUID(int=1), "1", "größe", "email", "t", b"{}")
    assert "größe".encode("latin-1") in b"".join(notification_rows(1, [row], "iso8859-1"))


def test_a_piece_ends_with_the_record_that_fills_it() -> None:
    """The memory of a page: not as much again as all of its records."""
    rows = [NewNotification(UUID(int=n), "1", "r", "email", "t", b"x" * 40_000) for n in range(20)]
    pieces = list(notification_rows(1, rows, "utf-8"))
    assert max(map(len, pieces)) < 90_000
