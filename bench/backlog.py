"""Events arrive while no worker runs: `python -m bench.backlog`. How many messages the broker holds.

The broker must never hold more messages than NOTIFIER_QUEUE_HIGH_WATER, nor more than 1.1 for each waiting row. Then
it loses all messages. When a worker starts, each event must become exactly one mail.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import redis

from bench.figures.screen import say, show
from bench.measure.command import whole_number
from bench.measure.load import check_exact, start_load
from bench.measure.notifier import bench_environment
from bench.measure.processes import machine
from bench.measure.servers import Servers, bench_servers
from bench.measure.stall import Stall
from notifier.broker import queue_name
from notifier.database.schema import migrate
from sandbox.system import notifier_process

_WATCHED_SECONDS = 70.0  # two intervals of everything that runs periodically
_STALLED_SECONDS = 120.0


@dataclass
class Samples:
    """Samples of how many messages the broker holds, and how many rows wait.

    `most` is the largest number of messages, `most_per_row` the largest number for each row.
    """

    database: psycopg.Connection
    broker: redis.Redis
    most: int = 0
    most_per_row: float = 0.0
    count: int = 0

    def pending(self) -> int:
        """Deliveries that are not final."""
        row = self.database.execute(
            "SELECT count(*) FROM deliveries WHERE status IN ('pending', 'sending')"
        ).fetchone()
        assert row is not None  # noqa: S101
        return int(row[0])

    def held(self) -> int:
        """Messages that the broker holds: queued and unacknowledged."""
        with self.broker.pipeline() as pipeline:
            pipeline.llen(queue_name("email"))
            pipeline.hlen("unacked")
            return sum(pipeline.execute())

    def sample(self) -> int:
        """Take a sample; returns how many rows wait."""
        held = self.held()  # before the rows: a row that is published in between is no message without a row
        pending = self.pending()
        self.count += 1
        self.most = max(self.most, held)
        if pending:
            self.most_per_row = max(self.most_per_row, held / pending)
        return pending

    def during(self, seconds: float) -> None:
        """Take samples for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.sample()
            time.sleep(0.2)


def measure(servers: Servers, rows: int, high_water: int) -> dict[str, object]:
    servers.clear()
    with servers.database() as url, ExitStack() as stack:
        migrate(url)
        environment = {**bench_environment(servers, url), "NOTIFIER_QUEUE_HIGH_WATER": str(high_water)}
        stack.enter_context(notifier_process("bridge", ["bridge"], servers.folder, environment))
        database = stack.enter_context(psycopg.connect(url, autocommit=True))
        samples = Samples(database, stack.enter_context(redis.Redis.from_url(servers.broker.url)))
        load = start_load(servers, rows)
        _until(samples, lambda: samples.pending() == load.events)
        say(f"{load.events:,} rows wait, the broker holds {samples.held():,}")
        samples.during(_WATCHED_SECONDS)
        samples.broker.flushall()
        lost_at = time.monotonic()
        _until(samples, lambda: samples.held() > 0)
        noticed = time.monotonic() - lost_at
        say(f"the broker lost everything; noticed after {noticed:.1f} s")
        samples.during(_WATCHED_SECONDS / 2)
        most, per_row = samples.most, samples.most_per_row
        stack.enter_context(notifier_process("worker", ["worker", "email"], servers.folder, environment))
        began = time.monotonic()
        _until(samples, lambda: samples.pending() == 0)
        seconds = time.monotonic() - began
        check_exact(servers)
        counted = servers.ses.counts()
    return {
        "rows": load.events,
        "high_water": high_water,
        "most_messages_in_the_broker": most,
        "most_messages_for_each_pending_row": round(per_row, 3),
        "samples": samples.count,
        "loss_noticed_after_seconds": round(noticed, 1),
        "delivered": counted["accepted"],
        "duplicated": counted["duplicated"],
        "delivered_per_second": round(load.events / seconds),
    }


def _until(samples: Samples, done: Callable[[], bool]) -> None:
    stall = Stall(_STALLED_SECONDS)
    while not done():
        stall.note(samples.sample(), "{} rows wait")
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--rows", type=whole_number, default=200_000)
    parser.add_argument("--high-water", type=whole_number, default=20_000)
    given = parser.parse_args()
    with bench_servers() as servers:
        result = measure(servers, given.rows, given.high_water)
    show("A backlog", [{"what": name, "found": str(found)} for name, found in result.items()])
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
