"""The CPU that the outbox needs for a notification: `python -m bench.parts.outbox`, on a real and durable Postgres.

CPU of the server and of this process by step, from the operating system.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Engine, text

from bench.figures.screen import show
from bench.measure.command import whole_number, workspace
from bench.measure.processes import Usage, machine
from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.feedback import Feedback, FeedbackKind
from notifier.notifications import Status, notification_id
from notifier.outbox import (
    Attempts,
    Change,
    NewNotification,
    Page,
    Partitions,
    Recipient,
    Recording,
    Settlement,
    ShardLease,
)
from sandbox.embedded.postgres import embedded_postgres

T = TypeVar("T")

_SHARD = text("""
WITH stream AS (
  INSERT INTO streams (arn, table_name) VALUES ('arn', 'activity')
  ON CONFLICT (arn) DO UPDATE SET arn = excluded.arn RETURNING id
)
INSERT INTO shards (stream_id, shard_id, owner, epoch, lease_until)
SELECT id, :shard, 'bench', 1, now() + interval '1 day' FROM stream RETURNING id
""")
_RECORD = orjson.dumps({"dynamodb": {"NewImage": {"text": {"S": "x" * 1_000}}}})


class Steps:
    """Runs the steps of units of one shard. `cost` is server CPU, client CPU and time of each step, in seconds.

    `postgres` is the process id of the server, `unit` the notifications of a unit.
    """

    def __init__(self, engine: Engine, postgres: int, unit: int, shard: str = "shard") -> None:
        self._engine = engine
        self._postgres = postgres
        self._unit = unit
        self.cost: dict[str, list[float]] = {}
        with engine.begin() as connection:
            number = connection.execute(_SHARD, {"shard": shard}).scalar_one()
        self._lease = ShardLease(number, shard, "arn", "activity", "bench", 1, None)
        self._checkpoint: str | None = None
        self._recording = Recording(engine, Partitions(engine))
        self._attempts = Attempts(engine, channel="email", worker="bench")
        self._settlement = Settlement(engine, channel="email")

    def unit(self, number: int) -> None:
        ids = self.step("record", lambda: self._record(number))
        self.step("load", lambda: self._attempts.load(ids))
        token = self._attempts.token()
        wanted = [Recipient(id_, f"{id_.hex[-12:]}@example.com") for id_ in ids]
        self.step("begin", lambda: self._attempts.begin(token, wanted, 60))
        changes = [Change(id_, Status.SENT, message_id=f"0100018c-{id_}-000000") for id_ in ids]
        self.step("finish", lambda: self._attempts.finish(token, changes))
        now = datetime.now(UTC)
        told = [Feedback(FeedbackKind.DELIVERY, f"0100018c-{id_}-000000", now, now, id_, 1) for id_ in ids]
        self.step("settle", lambda: self._settlement.settle(told))

    def _record(self, number: int) -> list[UUID]:
        created, shard = int(time.time() * 1000), self._lease.shard_id
        first = number * self._unit
        rows = [
            NewNotification(notification_id("arn", shard, str(n), "a", created), str(n), "a", "email", "t", _RECORD)
            for n in range(first, first + self._unit)
        ]
        page = Page(str(first), datetime.now(UTC), rows, (), 0)
        self._recording.record(self._lease, self._checkpoint, page)
        self._checkpoint = page.checkpoint
        return [row.id for row in rows]

    def step(self, name: str, do: Callable[[], T]) -> T:
        before, began = (Usage.of(self._postgres).cpu, time.process_time()), time.monotonic()
        answer = do()
        seconds, client = time.monotonic() - began, time.process_time() - before[1]
        spent = (Usage.of(self._postgres).cpu - before[0], client, seconds)
        known = self.cost.setdefault(name, [0.0, 0.0, 0.0])
        self.cost[name] = [a + b for a, b in zip(known, spent, strict=True)]
        return answer


@contextmanager
def running(unit: int) -> Iterator[Steps]:
    with workspace() as folder, embedded_postgres(folder) as postgres:
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        engine = connect(postgres.url("notifier"), binary=True, generic_plans=True)
        assert postgres.pid is not None  # noqa: S101
        try:
            yield Steps(engine, postgres.pid, unit)
        finally:
            engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.outbox", description=__doc__)
    parser.add_argument("--units", type=whole_number, default=100, help="the first tenth, one at least, is a warm-up")
    parser.add_argument("--unit", type=whole_number, default=500, help="notifications in one")
    given = parser.parse_args()
    if given.units < 2:  # noqa: PLR2004
        parser.error("--units must be at least 2: the first is a warm-up")
    with running(given.unit) as steps:
        for number in range(given.units):
            steps.unit(number)
            if number == given.units // 10:
                steps.cost.clear()  # the warm-up
        counted = (given.units - given.units // 10 - 1) * given.unit
    per = {name: [round(each / counted * 1e6, 1) for each in cost] for name, cost in steps.cost.items()}
    names = ("Postgres CPU µs", "client CPU µs", "µs in all")
    rows = [{"step": step, **dict(zip(names, costs, strict=True))} for step, costs in per.items()]
    show("Outbox, for each notification", rows)
    print(json.dumps({"us_per_notification": per, "unit": given.unit, "machine": machine()}))


if __name__ == "__main__":
    main()
