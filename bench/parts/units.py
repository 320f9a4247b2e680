"""The CPU that a worker needs for a message, in units and as single tasks: `python -m bench.parts.units`.

Measured without a broker, in this process, and with a worker process on a real Redis. Nothing is delivered.
"""

import argparse
import json
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import redis
from celery.app.trace import build_tracer
from celery.concurrency.solo import TaskPool
from celery.worker import state
from celery.worker.consumer.consumer import Consumer
from kombu.transport.virtual.base import Message

from bench.figures.screen import show
from bench.measure.command import whole_number, workspace
from bench.measure.processes import cpu_us_per_event, machine, ratio, usage
from bench.measure.stall import Stall
from bench.parts.units_worker import MODES, idle_app
from notifier.broker import TASK, Broker, queue_name
from notifier.broker.envelope import Envelopes
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis

WARM_UP = 0.1
BATCH = 500
"""Messages that arrive at once."""


class Channel:
    """A channel of kombu that does nothing."""

    no_ack_consumers: frozenset[str] = frozenset()

    def decode_body(self, body: str, _: str) -> str:
        return body

    def basic_ack(self, _: str, multiple: bool = False) -> None:
        pass


def without_broker(mode: str, count: int) -> float:
    """Microseconds of CPU for a message, from its arrival at the consumer to its acknowledgement."""
    app = idle_app("redis://127.0.0.1:1/0", mode)
    app.finalize()
    task = app.tasks[TASK]
    task.__trace__ = build_tracer(TASK, task, app.loader, "bench", app=app)
    consumer = _consumer(app)
    consumer.strategies[TASK] = task.start_strategy(app, consumer)
    receive = Consumer.create_task_handler(consumer)
    envelopes = Envelopes(queue_name("email"), "bench")
    spent = 0.0
    for _ in range(0, count, BATCH):
        bodies = [envelopes.message(uuid.uuid4()) for _ in range(BATCH)]
        messages = [Message(json.loads(body), channel=Channel()) for body in bodies]
        began = time.process_time()
        for message in messages:
            receive(message)
        for call in list(consumer.hub.on_tick):
            call()
        spent += time.process_time() - began
        assert all(message.acknowledged for message in messages)  # noqa: S101
    return spent / count * 1e6


def _consumer(app: Any) -> Any:
    """What a strategy uses of its consumer, with a pool that runs tasks at once."""
    pool = TaskPool(app=app)
    pool.start()
    return SimpleNamespace(
        app=app,
        pool=pool,
        hub=SimpleNamespace(on_tick=set()),
        hostname="bench",
        connection=object(),
        connection_errors=(OSError,),
        event_dispatcher=None,
        timer=SimpleNamespace(call_at=None),
        controller=SimpleNamespace(state=state),
        disable_rate_limits=False,
        task_buckets=defaultdict(lambda: None),
        strategies={},
        on_task_message=set(),
        on_task_request=lambda request: request.execute_using_pool(pool),
        call_soon_ack=lambda call, *arguments: call(*arguments),
        apply_eta_task=None,
        _limit_task=None,
        _limit_post_eta=None,
        _maximum_prefetch_restored=True,
        _restore_prefetch_count_after_connection_restart=None,
        on_unknown_message=None,
        on_unknown_task=None,
        on_invalid_task=None,
    )


def on_redis(mode: str, count: int, folder: Path) -> dict[str, float]:
    """Messages per second, and microseconds of CPU for a message, of a worker process and its Redis.

    Raises TooFew if the worker had done all of them when the measurement began.
    """
    with embedded_redis(folder) as server:
        broker = Broker(server.url)
        for _ in range(0, count, BATCH):
            broker.publish("email", {uuid.uuid4(): 0 for _ in range(BATCH)})
        with _worker(mode, server, folder) as worker, redis.Redis.from_url(server.url) as client:
            left = _wait(worker, client, int(count * (1 - WARM_UP)))
            assert server.pid is not None  # noqa: S101
            pids = {"worker": worker.pid, "redis": server.pid}
            before, began = usage(pids), time.monotonic()
            _wait(worker, client, 0)
            seconds, after = time.monotonic() - began, usage(pids)
        broker.close()
    return {"messages_per_second": round(left / seconds), **cpu_us_per_event(before, after, left)}


@contextmanager
def _worker(mode: str, server: RedisServer, folder: Path) -> Iterator[Child]:
    command = [sys.executable, "-m", "bench.parts.units_worker", mode]
    with Child("worker", command, log=folder / "worker.log", env={"NOTIFIER_BROKER_URL": server.url}) as worker:
        yield worker


def _wait(worker: Child, client: Any, goal: int) -> int:
    """Wait until Redis holds at most `goal` messages. Returns how many it holds."""
    stall = Stall()
    while (left := client.llen(queue_name("email")) + client.hlen("unacked")) > goal:
        worker.check()
        stall.note(left, "{} messages are left")
        time.sleep(0.05)
    return int(left)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.units", description=__doc__)
    parser.add_argument("--messages", type=whole_number, default=20_000, help="rounded up to full batches of 500")
    count = -(-parser.parse_args().messages // BATCH) * BATCH
    with workspace() as folder:
        alone = {mode: round(min(without_broker(mode, count) for _ in range(3)), 1) for mode in MODES}
        whole = {mode: on_redis(mode, count, folder) for mode in MODES}
        ratios = [
            round(ratio(alone["tasks"], alone["units"]), 2),
            round(ratio(whole["tasks"]["worker"], whole["units"]["worker"]), 2),
        ]
    worker = {mode: whole[mode]["worker"] for mode in MODES}
    rows = [
        {"CPU µs a message": "without the broker", **alone, "ratio": ratios[0]},
        {"CPU µs a message": "on Redis", **worker, "ratio": ratios[1]},
    ]
    show("One message in a worker", rows)
    result = {"without_broker": {**alone, "ratio": ratios[0]}, "on_redis": {**whole, "ratio": ratios[1]}}
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
