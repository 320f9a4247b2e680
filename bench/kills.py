"""Kill busy workers and count lost and repeated messages: `python -m bench.kills --kills 30`.

No relay publishes messages again, so only the broker keeps them. With `--transport stock` messages are lost.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL
from uuid import UUID, uuid4

import redis
from rich.console import Console
from rich.progress import track

from bench.measure.command import whole_number, workspace
from bench.measure.counting import CHANNEL, COUNTS, counting_worker
from celery_units.redis import Name
from notifier.broker import Broker, queue_name
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import embedded_redis

BACKLOG = 1_000
TIMEOUT_SECONDS = 60.0
POOLS = {"solo": 1, "threads": 8, "prefork": 2}
# The messages of a killed worker return after four seconds instead of two minutes.
OPTIONS = {
    "worker_prefetch_multiplier": 8,
    "broker_transport_options": {
        "visibility_timeout": 4,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 500,
        "socket_timeout": 10,
        "priority_steps": [0],
        "body_encoding": "utf-8",
    },
}


@dataclass(frozen=True, slots=True)
class KillResult:
    transport: Name
    kills: int
    published: int
    lost: int
    duplicated: int


class Workers:
    """Worker processes, one at a time, on their own broker. They count in its database 1 how often each task ran."""

    def __init__(self, broker_url: str, folder: Path, transport: Name, pool: str) -> None:
        self._broker = Broker(broker_url)
        self._redis = redis.Redis.from_url(broker_url)
        self._counter_url = broker_url.removesuffix("/0") + "/1"
        self._counter = redis.Redis.from_url(self._counter_url, decode_responses=True)
        self._start: Callable[[], Child] = lambda: counting_worker(
            broker_url,
            folder,
            transport=transport,
            pool=pool,
            concurrency=POOLS[pool],
            counter_url=self._counter_url,
            options=OPTIONS,
        )
        self._published: set[UUID] = set()

    def kill_one(self, after: float) -> None:
        """Start a worker, and kill it `after` seconds after its first finished task."""
        self._publish()
        done = self._done()
        with self._start() as worker:
            worker.wait_until(lambda: self._done() > done)
            time.sleep(after)
            worker.stop(SIGKILL)

    def finish(self) -> tuple[int, int, int]:
        """Let a last worker empty the queue. Returns the numbers of published, lost and repeated messages."""
        with self._start() as worker:
            worker.wait_until(self._is_empty, TIMEOUT_SECONDS)
        counts = {UUID(str(id_)): int(count) for id_, count in self._counter.hgetall(COUNTS).items()}
        return len(self._published), len(self._published - counts.keys()), sum(counts.values()) - len(counts)

    def _publish(self) -> None:
        fresh = {uuid4(): 0 for _ in range(BACKLOG - self._broker.depth(CHANNEL))}
        self._broker.publish(CHANNEL, fresh)
        self._published.update(fresh)

    def _is_empty(self) -> bool:
        """Return whether no message waits or is being processed, as of one moment: messages move between the two."""
        with self._redis.pipeline(transaction=True) as both:
            both.llen(queue_name(CHANNEL))
            both.exists("unacked")
            waiting, reserved = both.execute()
        return not waiting and not reserved

    def _done(self) -> int:
        return int(self._counter.hlen(COUNTS))


def kill_workers(kills: int, transport: Name, pool: str, folder: Path, seed: int) -> KillResult:
    rng = random.Random(seed)  # noqa: S311
    with embedded_redis(folder, durable=False) as server:
        workers = Workers(server.url, folder, transport, pool)
        for _ in track(range(kills), f"{transport} {pool}", console=Console(stderr=True)):
            workers.kill_one(after=rng.uniform(0.02, 0.25))
        return KillResult(transport, kills, *workers.finish())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=whole_number, default=30)
    parser.add_argument("--transport", choices=["fast", "stock"], default="fast")
    parser.add_argument("--pool", choices=[*POOLS], default="threads")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311
    given = parser.parse_args()
    with workspace() as folder:
        outcome = kill_workers(given.kills, given.transport, given.pool, folder, given.seed)
    print(json.dumps({**asdict(outcome), "pool": given.pool, "seed": given.seed}))


if __name__ == "__main__":
    main()
