"""What a backlog costs the broker, and whether its loss costs anything: `python -m bench.backlog --rows 200000`.

The workers are off. Real bridges record the rows from the simulator; the broker is watched all the time while their
relays look at everything again and again. Then the broker loses its memory, workers start, it loses its memory once
more, and each row must be delivered once. The workers are stood in for by threads that take messages and call the
outbox as a worker does, with a channel that only counts.
"""

import argparse
import json
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import redis
from rich.console import Console
from sqlalchemy import Engine, text

from bench.processes import machine
from notifier.broker import queue_name
from notifier.database import connect, migrate
from notifier.notifications import Status
from notifier.outbox import Attempts, Change
from sandbox.postgres import embedded_postgres
from sandbox.processes import Child, stopped_by_signals
from sandbox.redis import embedded_redis
from sandbox.streams.process import streams_simulator
from sandbox.system import notifier_process

CHANNEL = "email"
LOOK_AGAIN = 3.0
UNIT = 250
WORKERS = 2
MESSAGES_PER_ROW = 1.1
_NOTIFIED = text("SELECT coalesce(sum(records_notified), 0) FROM shards")


class Watch:
    """Looks at the broker and at the rows all the time, in a thread of its own."""

    def __init__(self, engine: Engine, broker: "redis.Redis", delivered: Callable[[], int]) -> None:
        self.messages = self.pending = self.most = self.samples = 0
        self.ratio = 0.0
        self._engine, self._broker, self._delivered = engine, broker, delivered
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = self._rows()
        while not self._stop.wait(0.02):
            with self._broker.pipeline() as pipeline:
                pipeline.llen(queue_name(CHANNEL))
                pipeline.hlen("unacked")
                self.messages = sum(pipeline.execute())
            after = self._rows()
            self.pending, self.samples = after, self.samples + 1
            self.most = max(self.most, self.messages)
            if rows := max(before, after):
                self.ratio = max(self.ratio, self.messages / rows)
            before = after

    def _rows(self) -> int:
        """Those that are not delivered yet."""
        delivered = self._delivered()
        with self._engine.connect() as connection:
            return int(connection.execute(_NOTIFIED).scalar_one()) - delivered


class StandIns:
    """Workers that deliver to nobody, and count."""

    def __init__(self, engine: Engine, broker: "redis.Redis") -> None:
        self.delivered: list[UUID] = []
        self._engine, self._broker = engine, broker
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="worker")

    def __enter__(self) -> Self:
        self._running = [self._threads.submit(self._work, f"stand-in-{number}") for number in range(WORKERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._threads.shutdown()
        for each in self._running:
            each.result()

    def _work(self, name: str) -> None:
        attempts = Attempts(self._engine, channel=CHANNEL, worker=name)
        while not self._stop.is_set():
            messages = self._broker.rpop(queue_name(CHANNEL), UNIT)
            if isinstance(messages, list):
                self._deliver(attempts, ids(messages))
            else:
                self._stop.wait(0.01)

    def _deliver(self, attempts: Attempts, ids: list[UUID]) -> None:
        token = uuid.uuid4()
        works = attempts.load(ids)
        begun = attempts.begin(token, [(each.id, "somebody@example.com") for each in works], 60.0)
        self.delivered += [each.id for each in begun]
        attempts.finish(token, [Change(each.id, Status.SENT, message_id=str(token)) for each in begun])


def ids(messages: Iterable[Any]) -> list[UUID]:
    return [UUID(json.loads(each)["headers"]["id"]) for each in messages]


class Backlog:
    def __init__(
        self, engine: Engine, broker: "redis.Redis", bridges: Sequence[Child], options: argparse.Namespace
    ) -> None:
        self._engine, self._broker, self._bridges = engine, broker, bridges
        self._options = options
        self.copies = 0
        self._ends = time.monotonic() + options.limit

    def run(self) -> dict[str, object]:
        rows, mark = self._options.rows, self._options.high_water
        workers = StandIns(self._engine, self._broker)
        delivered = workers.delivered
        with Watch(self._engine, self._broker, lambda: len(delivered)) as watch:
            recorded = self._until("recorded", lambda: watch.pending == rows)
            self._until("held", lambda: watch.messages > mark - UNIT)
            held = time.monotonic() + self._options.hold
            self._until("watched", lambda: time.monotonic() > held)
            self._count_copies()
            noticed, refilled = self._flush(watch, lambda: watch.messages > mark - UNIT)
            self._count_copies()
            began = time.monotonic()
            with workers:
                self._until("half delivered", lambda: len(delivered) >= rows // 2)
                again, _ = self._flush(watch, lambda: True)
                self._until("delivered", lambda: len(delivered) >= rows)
                seconds = time.monotonic() - began
                self._until("all taken", lambda: watch.messages == 0)
        times = Counter(delivered)
        twice, lost = len(delivered) - len(times), rows - len(times)
        return {
            "rows": rows,
            "bridges": len(self._bridges),
            "high_water": mark,
            "messages_at_most": watch.most,
            "messages_per_pending_row_at_most": round(watch.ratio, 3),
            "copies": self.copies,
            "samples": watch.samples,
            "seconds": {
                "recorded": round(recorded, 1),
                "loss_noticed": [round(noticed, 2), round(again, 2)],
                "full_again_after_loss": round(refilled, 2),
                "delivered": round(seconds, 1),
            },
            "delivered": len(times),
            "delivered_twice": twice,
            "lost": lost,
            "exact": watch.most <= mark and watch.ratio <= MESSAGES_PER_ROW and twice == lost == self.copies == 0,
        }

    def _count_copies(self) -> None:
        """Messages that the broker holds beside another one of the same row."""
        held = ids(self._broker.lrange(queue_name(CHANNEL), 0, -1))
        self.copies += len(held) - len(set(held))

    def _flush(self, watch: Watch, full: Callable[[], bool]) -> tuple[float, float]:
        """Take the broker's memory; answers after how many seconds it has messages again, and after how many it is
        as `full` as before.
        """
        self._broker.flushall()
        noticed = self._until("noticed", lambda: self._broker.exists(queue_name(CHANNEL)) or not watch.pending)
        return noticed, noticed + self._until("full again", full)

    def _until(self, what: str, condition: Callable[[], object]) -> float:
        """Seconds that it took. Raises TimeoutError when the time for all is over."""
        began = time.monotonic()
        while not condition():
            for bridge in self._bridges:
                bridge.check()
            if time.monotonic() > self._ends:
                raise TimeoutError(f"not {what} within the limit of {self._options.limit:g} seconds for all")
            time.sleep(0.01)
        seconds = time.monotonic() - began
        Console(stderr=True).print(f"{what} after {seconds:.1f} s")
        return seconds


@contextmanager
def running(options: argparse.Namespace) -> Iterator[Backlog]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(embedded_postgres(folder))
        server = stack.enter_context(embedded_redis(folder))
        streams = stack.enter_context(streams_simulator(folder))
        streams.tell("load", shards=options.shards, records_per_shard=options.rows // options.shards)
        postgres.create_database("notifier")
        migrate(postgres.url("notifier"))
        environment = {
            "NOTIFIER_DATABASE_URL": postgres.url("notifier"),
            "NOTIFIER_BROKER_URL": server.url,
            "NOTIFIER_AWS_ENDPOINT_URL": streams.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_TABLES": "activity",
            "NOTIFIER_ROUTES": "examples.notifications",
            "NOTIFIER_QUEUE_HIGH_WATER": str(options.high_water),
            "NOTIFIER_LOOK_AGAIN_SECONDS": str(LOOK_AGAIN),
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
        }
        bridges = [
            stack.enter_context(notifier_process(f"bridge-{number}", ["bridge"], folder, environment))
            for number in range(options.bridges)
        ]
        engine = connect(postgres.url("notifier"), pool_size=WORKERS + 1)
        stack.callback(engine.dispose)
        broker = stack.enter_context(redis.Redis.from_url(server.url))
        yield Backlog(engine, broker, bridges, options)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--bridges", type=int, default=2)
    parser.add_argument("--high-water", type=int, default=20_000)
    parser.add_argument(
        "--hold", type=float, default=60.0, help="seconds to watch the backlog: 20 looks of the relay"
    )
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for all")
    options = parser.parse_args()
    options.rows -= options.rows % options.shards
    with stopped_by_signals(), running(options) as backlog:
        result = backlog.run()
    print(json.dumps({**result, "machine": machine()}))
    return 0 if result["exact"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
