"""How fast one bridge records and publishes: `python -m bench.parts.bridge`, or what it costs while records come at a
steady rate: `python -m bench.parts.bridge --rate 1000 --shards 10 --records 20000`.

The simulator makes the pages of the stream ahead; Postgres and Redis are real and durable. There are no workers: the
benchmark empties the queue.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import redis
from sqlalchemy import Engine, text

from bench.figures.screen import progress, show
from bench.measure.command import positive, whole_number, workspace
from bench.measure.processes import Usage, cpu_us_per_event, machine, usage
from bench.measure.stall import Stall
from notifier.broker import queue_name
from notifier.database.engine import connect
from notifier.database.schema import migrate
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from sandbox.embedded.streams import streams_simulator
from sandbox.system import notifier_process

WARM_UP = 0.1
_START_SECONDS = 15.0
"""Before records come at a steady rate: the bridge has started by then."""
_READ = text("SELECT coalesce(sum(records_read), 0), coalesce(sum(records_notified), 0) FROM shards")


class BridgeRun:
    """One run with so many records, measured from the end of the warm-up."""

    def __init__(self, engine: Engine, pids: dict[str, int], broker: RedisServer, records: int) -> None:
        self._engine, self._pids, self._records = engine, pids, records
        self._broker = redis.Redis.from_url(broker.url)
        self.memory: list[int] = []
        self.published = 0

    def run(self, bridge: Child) -> dict[str, object]:
        """Raises TooFew if all records were read when the measurement began."""
        with progress() as bars:
            bar = bars.add_task("records", total=self._records)
            for _ in self._until(bridge, int(self._records * WARM_UP), partial(bars.update, bar)):
                pass
            first, began, before = self._read(), time.monotonic(), usage(self._pids)
            self.memory.append(before["bridge"].rss)
            for _ in self._until(bridge, self._records, partial(bars.update, bar)):
                self.memory.append(Usage.of(self._pids["bridge"]).rss)
            seconds, after = time.monotonic() - began, usage(self._pids)
        events = self._records - first
        cpu = cpu_us_per_event(before, after, events)
        self._drain()
        return {
            "records": self._records,
            "records_per_second": round(events / seconds),
            "cpu_us_per_record": cpu,
            "published": self.published,
            "bridge_memory_mb": {
                "after_warm_up": round(self.memory[0] / 2**20, 1),
                "at_the_end": round(self.memory[-1] / 2**20, 1),
                "most": round(max(self.memory) / 2**20, 1),
            },
        }

    def _until(self, bridge: Child, goal: int, update: Callable[..., None]) -> Iterator[None]:
        stall = Stall()
        while (read := self._read()) < goal:
            bridge.check()
            stall.note(read, "{} records are read")
            update(completed=read)
            self._drain()
            yield
            time.sleep(0.1)

    def _read(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(_READ).one()[0])

    def _drain(self) -> None:
        with self._broker.pipeline() as pipeline:
            pipeline.llen(queue_name("email"))
            pipeline.unlink(queue_name("email"))
            self.published += pipeline.execute()[0]


@contextmanager
def running(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[BridgeRun, Child]]:
    with ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres(folder))
        broker = stack.enter_context(embedded_redis(folder))
        streams = stack.enter_context(streams_simulator(folder))
        each = max(1, arguments.records // arguments.shards)
        load = {"shards": arguments.shards, "records_per_shard": each, "item_bytes": arguments.item_bytes}
        after = _START_SECONDS if arguments.rate else 0.0
        streams.post("load", **load, rate=arguments.rate, after=after, ahead=True)
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        environment = {
            "NOTIFIER_DATABASE_URL": postgres.url("notifier"),
            "NOTIFIER_BROKER_URL": broker.url,
            "NOTIFIER_AWS_ENDPOINT_URL": streams.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_TABLES": "activity",
            "NOTIFIER_ROUTES": "examples.notifications",
            "NOTIFIER_QUEUE_HIGH_WATER": str(each * arguments.shards + 1),
            "NOTIFIER_OUTBOX_HIGH_WATER": str(3 * each * arguments.shards),  # new ones count twice until measured
            "NOTIFIER_LOOK_AGAIN_SECONDS": "3600",
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
        }
        bridge = stack.enter_context(notifier_process("bridge", ["bridge"], folder, environment))
        engine = connect(postgres.url("notifier"))
        stack.callback(engine.dispose)
        assert postgres.pid is not None  # noqa: S101
        assert broker.pid is not None  # noqa: S101
        pids = {"bridge": bridge.pid, "postgres": postgres.pid, "redis": broker.pid, "simulator": streams.child.pid}
        yield BridgeRun(engine, pids, broker, each * arguments.shards), bridge


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.bridge", description=__doc__)
    parser.add_argument("--records", type=whole_number, default=200_000)
    parser.add_argument("--shards", type=whole_number, default=20)
    parser.add_argument("--item-bytes", type=whole_number, default=1024)
    parser.add_argument("--rate", type=positive, help="records a second, of all shards; without it, all at once")
    given = parser.parse_args()
    with workspace() as folder, running(given, folder) as (measured, bridge):
        result = measured.run(bridge)
    show("One bridge", [{"what": name, "found": str(value)} for name, value in result.items()])
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
