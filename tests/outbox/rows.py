"""Rows that a test starts from, and reads at its end."""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from notifier.notifications import Status, notification_id
from notifier.outbox import (
    Attempts,
    NewNotification,
    NewPublication,
    Page,
    Partitions,
    Quarantined,
    Recording,
    Report,
    ShardLease,
)
from tests.sql import Sql

ARN = "arn:aws:dynamodb:eu-west-1:1:table/activity/stream/2026-01-01T00:00:00.000"


class Rows(Sql):
    """One shard, leased to the bridge `me` in epoch 1, and the pages recorded of it."""

    def __init__(self, engine: Engine, shard_id: str = "shardId-1") -> None:
        super().__init__(engine)
        self.recording = Recording(engine, Partitions(engine))
        with engine.begin() as connection:
            stream = connection.execute(
                text(
                    "INSERT INTO streams (arn, table_name) VALUES (:arn, 'activity') "
                    "ON CONFLICT (arn) DO UPDATE SET arn = excluded.arn RETURNING id"
                ),
                {"arn": ARN},
            ).scalar_one()
            shard = connection.execute(
                text(
                    "INSERT INTO shards (stream_id, shard_id, owner, epoch, lease_until) "
                    "VALUES (:stream, :shard_id, 'me', 1, now() + interval '1 h') RETURNING id"
                ),
                {"stream": stream, "shard_id": shard_id},
            ).scalar_one()
        self.lease = ShardLease(shard, shard_id, ARN, "activity", "me", 1, None)
        self.checkpoint: str | None = None

    def notification(self, number: int, created_ms: int | None = None) -> NewNotification:
        created = created_ms or int(time.time() * 1000)
        id_ = notification_id(ARN, self.lease.shard_id, str(number), "a_route", created)
        return NewNotification(id_, str(number), "a_route", "email", "activity", b'{"n":%d}' % number)

    def page(
        self,
        numbers: Sequence[int],
        quarantined: Sequence[Quarantined] = (),
        unrouted: int = 0,
        at: int | None = None,
    ) -> Page:
        made = [self.notification(number, at) for number in numbers]
        return Page(str(max(numbers, default=0)), datetime.now(UTC), made, quarantined, unrouted)

    def record(self, page: Page) -> list[NewPublication]:
        recorded = self.recording.record(self.lease, self.checkpoint, page)
        self.checkpoint = page.checkpoint
        return recorded

    def pending(self, count: int = 1) -> list[UUID]:
        """Record new notifications; return the ids of their deliveries, which are pending."""
        first = int(self.checkpoint or 0) + 1
        return [id_ for each in self.record(self.page(range(first, first + count))) for id_ in each.ids]

    def in_status(self, status: Status, **columns: Any) -> UUID:
        """Return a delivery that an UPDATE put into this status."""
        (id_,) = self.pending()
        values: dict[str, Any] = {"token": uuid.uuid4(), "attempt": 0 if status is Status.PENDING else 1, **columns}
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        with self.engine.begin() as connection:
            connection.execute(
                text(f"UPDATE deliveries SET status = '{status}', {assignments} WHERE notification_id = :id"),
                {"id": id_, **values},
            )
        return id_

    def attempts(self, worker: str = "worker-1") -> Attempts:
        return Attempts(self.engine, channel="email", worker=worker)

    def delivery(self, id_: UUID) -> dict[str, Any]:
        return self.one("SELECT * FROM deliveries WHERE notification_id = :id", id=id_)

    def status(self, id_: UUID) -> Status:
        return Status(self.delivery(id_)["status"])

    def balanced(self) -> bool:
        """Whether every record that was read is accounted for, and every open delivery will be acted on."""
        shards, stranded = Report(self.engine).audit()
        return not stranded and all(
            each["records_notified"] == each["notified"]
            and each["records_read"] == each["notified"] + each["records_unrouted"] + each["quarantine"]
            for each in shards
        )
