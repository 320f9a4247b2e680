"""The cost of a message with the fast transport and with that of kombu: `python -m bench.parts.transport`.

Tasks do nothing, so that only the transport is measured. Both transports run in turn.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from bench.figures.screen import show
from bench.kills import POOLS
from bench.measure.command import positive, workspace
from bench.measure.counting import CHANNEL, COUNTS, counting_worker
from bench.measure.processes import cpu_us_per_event, machine, usage
from celery_units.redis import Name
from notifier.broker import Broker
from sandbox.embedded.redis import RedisServer, embedded_redis

WARM_UP = 0.1
PREFETCH_MULTIPLIER = 64
PAUSE_SECONDS = 0.02
MESSAGES: dict[Name, int] = {"stock": 4_000, "fast": 20_000}
Figures = dict[str, float]


def cost(server: RedisServer, folder: Path, transport: Name, pool: str, messages: int) -> Figures:
    """CPU and throughput of one worker that empties a queue, from the end of the warm-up.

    Raises TooFew if the queue was empty when the measurement began.
    """
    broker = Broker(server.url)
    broker.publish(CHANNEL, {uuid4(): 0 for _ in range(messages)})
    options = {"worker_prefetch_multiplier": PREFETCH_MULTIPLIER}
    with counting_worker(
        server.url, folder, transport=transport, pool=pool, concurrency=POOLS[pool], options=options
    ) as worker:
        assert server.pid is not None  # noqa: S101
        pids = {"worker": worker.pid, "redis": server.pid}
        worker.wait_until(lambda: broker.depth(CHANNEL) < messages * (1 - WARM_UP))
        left, began, before = broker.depth(CHANNEL), time.monotonic(), usage(pids)
        worker.wait_until(lambda: not broker.depth(CHANNEL), seconds=600)
        seconds, after = time.monotonic() - began, usage(pids)
    cpu = cpu_us_per_event(before, after, left)
    return {"per_second": round(left / seconds), "worker_cpu_us": cpu["worker"], "redis_cpu_us": cpu["redis"]}


def latency(server: RedisServer, folder: Path, transport: Name, messages: int = 300) -> Figures:
    """Milliseconds from the publication of a message until its task has run, in an idle worker."""
    broker, counter = Broker(server.url), redis.Redis.from_url(server.url)
    waits = []
    with counting_worker(
        server.url, folder, transport=transport, pool="threads", concurrency=POOLS["threads"], counter_url=server.url
    ):
        for _ in range(messages):
            id_, began = uuid4(), time.perf_counter()
            broker.publish(CHANNEL, {id_: 0})
            while not counter.hexists(COUNTS, str(id_)):
                time.sleep(0.0002)
            waits.append((time.perf_counter() - began) * 1_000)
            time.sleep(PAUSE_SECONDS)
    cuts = statistics.quantiles(waits[10:], n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def compare(server: RedisServer, folder: Path, pools: list[str], factor: float) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for pool in pools:
        figures = {
            name: cost(server, folder, name, pool, max(1, round(count * factor))) for name, count in MESSAGES.items()
        }
        ratio = {name: figures["stock"][name] / max(figures["fast"][name], 0.1) for name in figures["fast"]}
        ratio["per_second"] = 1 / ratio["per_second"]
        result[pool] = {**figures, "ratio": {name: round(value, 1) for name, value in ratio.items()}}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.transport", description=__doc__)
    parser.add_argument("--pools", nargs="+", choices=[*POOLS], default=[*POOLS])
    parser.add_argument("--factor", type=positive, default=1.0, help="more messages, steadier figures")
    given = parser.parse_args()
    with workspace() as folder, embedded_redis(folder, durable=False) as server:
        cost_by_pool = compare(server, folder, given.pools, given.factor)
        result = {
            "cost": cost_by_pool,
            "latency_ms": {transport: latency(server, folder, transport) for transport in MESSAGES},
        }
    rows = [
        {"pool": pool, "transport": name, **figures}
        for pool, found in cost_by_pool.items()
        for name, figures in found.items()
    ]
    show("A message", rows)
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
