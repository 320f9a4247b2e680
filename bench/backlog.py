"""Workers are off while events go on: `python -m bench.backlog`. What the broker holds, and what its loss costs.

The broker must never hold more messages than its mark, nor 1.1 for each row that waits. It loses everything in the
middle; when workers come, each event must become exactly one mail.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
import redis

from bench.figures.screen import say, show
from bench.measure.load import check_exact, offer
from bench.measure.notifier import bench_environment
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from notifier.broker import queue_name
from notifier.database.schema import migrate
from sandbox.system import notifier_process

_WATCHED_SECONDS = 70.0  # two rounds of everything that looks again
_STALLED_SECONDS = 120.0


@dataclass
class Watch:
    """The broker beside the rows that wait, looked at again and again."""

    database: psycopg.Connection
    broker: redis.Redis
    most: int = 0
    most_per_row: float = 0.0
    samples: int = field(default=0)

    def pending(self) -> int:
        row = self.database.execute(
            "SELECT count(*) FROM deliveries WHERE status IN ('pending', 'sending')"
        ).fetchone()
        assert row is not None  # noqa: S101
        return int(row[0])

    def held(self) -> int:
        with self.broker.pipeline() as pipeline:
            pipeline.llen(queue_name("email"))
            pipeline.hlen("unacked")
            return sum(pipeline.execute())

    def look(self) -> int:
        held = self.held()
        pending = self.pending()  # asked later, so that it is not the smaller one by chance
        self.samples += 1
        self.most = max(self.most, held)
        if pending:
            self.most_per_row = max(self.most_per_row, held / pending)
        return pending

    def during(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(0.2)


def measure(parts: Servers, rows: int, high_water: int) -> dict[str, object]:
    parts.clear()
    with parts.database() as url, ExitStack() as stack:
        migrate(url)
        environment = {**bench_environment(parts, url), "NOTIFIER_QUEUE_HIGH_WATER": str(high_water)}
        stack.enter_context(notifier_process("bridge", ["bridge"], parts.folder, environment))
        database = stack.enter_context(psycopg.connect(url, autocommit=True))
        watch = Watch(database, stack.enter_context(redis.Redis.from_url(parts.broker.url)))
        load = offer(parts, rows)
        _until(watch, lambda: watch.pending() == load.events)
        say(f"{load.events:,} rows wait, the broker holds {watch.held():,}")
        watch.during(_WATCHED_SECONDS)
        watch.broker.flushall()
        lost_at = time.monotonic()
        _until(watch, lambda: watch.held() > 0)
        noticed = time.monotonic() - lost_at
        say(f"the broker lost everything; noticed after {noticed:.1f} s")
        watch.during(_WATCHED_SECONDS / 2)
        most, per_row = watch.most, watch.most_per_row
        stack.enter_context(notifier_process("worker", ["worker", "email"], parts.folder, environment))
        began = time.monotonic()
        _until(watch, lambda: watch.pending() == 0)
        seconds = time.monotonic() - began
        check_exact(parts)
        counted = parts.ses.counts()
    return {
        "rows": load.events,
        "high_water": high_water,
        "most_messages_in_the_broker": most,
        "most_messages_for_each_pending_row": round(per_row, 3),
        "samples": watch.samples,
        "loss_noticed_after_seconds": round(noticed, 1),
        "delivered": counted["accepted"],
        "duplicated": counted["duplicated"],
        "delivered_per_second": round(load.events / seconds),
    }


def _until(watch: Watch, done: Callable[[], bool]) -> None:
    last, since = -1, time.monotonic()
    while not done():
        if (pending := watch.look()) != last:
            last, since = pending, time.monotonic()
        elif time.monotonic() - since > _STALLED_SECONDS:
            raise SystemExit(f"nothing moves any more, and {pending:,} wait")
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--high-water", type=int, default=20_000)
    given = parser.parse_args()
    with bench_servers() as parts:
        result = measure(parts, given.rows, given.high_water)
    show("A backlog", [{"what": name, "found": str(found)} for name, found in result.items()])
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
