"""The rows of a page in the binary form of COPY: https://www.postgresql.org/docs/current/sql-copy.html.

Made by hand, because most columns are the same for all rows of a page: psycopg would convert each value of each row.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from struct import pack

from notifier.outbox.stream.pages import NewNotification

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
_END = b"\xff\xff"
_ONE_COLUMN, _SEVEN_COLUMNS = pack("!h", 1), pack("!h", 7)


def copied_notifications(shard: int, rows: Sequence[NewNotification]) -> bytes:
    """Return what `copy_notifications.sql` takes: these notifications of a shard, in this order."""
    shared = cache(_text)  # of route, channel and table
    number = _field(pack("!i", shard))
    parts = [_HEADER]
    for each in rows:
        parts += (
            _SEVEN_COLUMNS,
            _field(each.id.bytes),
            number,
            _text(each.sequence_number),
            shared(each.route),
            shared(each.channel),
            shared(each.table),
            _field(each.record),
        )
    return b"".join([*parts, _END])


def copied_ids(rows: Iterable[NewNotification]) -> bytes:
    """Return what `copy_deliveries.sql` takes: the ids of these notifications."""
    return b"".join([_HEADER, *(_ONE_COLUMN + _field(each.id.bytes) for each in rows), _END])


def _text(value: str) -> bytes:
    return _field(value.encode())


def _field(value: bytes) -> bytes:
    return pack("!i", len(value)) + value
