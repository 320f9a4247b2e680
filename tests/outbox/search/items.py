"""Notifications of items with keys, for recipients."""

import time
import uuid
from collections.abc import Sequence
from uuid import UUID

from notifier.notifications import Status, notification_id
from notifier.outbox import Change, NewNotification, Page, Recipient
from notifier.outbox import records as wire
from tests.outbox.rows import ARN, Rows


def record_of(*keys: str, **attributes: str) -> bytes:
    """Return a record of an item with these values of its keys `pk` and `sk`."""
    named = {name: {"S": value} for name, value in zip(("pk", "sk"), keys, strict=False)}
    image = {**named, **{name: {"S": value} for name, value in attributes.items()}}
    return wire.write({"eventName": "INSERT", "dynamodb": {"Keys": named, "NewImage": image}})


def recorded(
    rows: Rows, records: Sequence[bytes], *, at: int | None = None, route: str = "a_route", table: str = "activity"
) -> list[UUID]:
    """Record notifications of these records, created at `at` (Unix milliseconds; default: now), one a millisecond."""
    first, created = int(rows.checkpoint or 0) + 1, at or int(time.time() * 1000)
    made = [
        NewNotification(
            notification_id(ARN, rows.lease.shard_id, str(first + n), route, created + n),
            str(first + n), route, "email", table, record,
        )
        for n, record in enumerate(records)
    ]  # fmt: skip
    rows.record(Page(str(first + len(records) - 1), None, made, (), 0))
    return [each.id for each in made]


def sent(
    rows: Rows, ids: Sequence[UUID], to: str, status: Status = Status.SENT, reason: str | None = None
) -> list[UUID]:
    """Make the attempt of these notifications, to that recipient, with that outcome."""
    attempts, token = rows.attempts(), uuid.uuid4()
    attempts.begin(token, [Recipient(each, to) for each in ids], 60)
    attempts.finish(token, [Change(each, status, reason=reason) for each in ids])
    return list(ids)
