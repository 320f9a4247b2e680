"""Celery workers as processes, on the fast transport."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGQUIT, SIGTERM, Signals
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from celery import Celery
from kombu import Connection

from bench.kills import OPTIONS, POOLS, kill_workers
from bench.measure.counting import CHANNEL, COUNTS, counting_worker
from celery_units.redis import Name, use_transport
from notifier.broker import Queue
from notifier.broker.url import BrokerUrl
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis


class Pool:
    """Workers on a broker of their own, and what they have run."""

    def __init__(self, server: RedisServer, counter: RedisServer, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._counter_url = counter.url
        self._counter = redis.Redis.from_url(counter.url, decode_responses=True)
        self.broker = redis.Redis.from_url(server.url)
        self.queue = Queue(server.url)

    def start(self, pool: str = "threads", transport: Name = "fast", **options: Any) -> Child:
        return counting_worker(
            self.server.url,
            self._folder,
            transport=transport,
            pool=pool,
            concurrency=POOLS[pool],
            counter_url=self._counter_url,
            options=OPTIONS | options,
        )

    def publish(self, number: int) -> set[UUID]:
        ids = {uuid4(): 0 for _ in range(number)}
        assert self.queue.publish(CHANNEL, ids)
        return set(ids)

    def counts(self) -> dict[UUID, int]:
        return {UUID(str(id_)): int(count) for id_, count in self._counter.hgetall(COUNTS).items()}

    def have_run(self, ids: set[UUID]) -> bool:
        return ids <= self.counts().keys()

    def is_done(self) -> bool:
        return not self.queue.depth(CHANNEL) and not self.broker.exists("unacked")


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with embedded_redis(tmp_path) as server, embedded_redis(tmp_path, durable=False) as counter:
        yield Pool(server, counter, tmp_path)


@pytest.fixture
def fast() -> Iterator[None]:
    use_transport("fast")
    yield
    use_transport("stock")


@pytest.mark.parametrize("kind", [*POOLS])
def test_each_task_runs_once_and_is_acknowledged(pool: Pool, kind: str) -> None:
    ids = pool.publish(400)
    with pool.start(kind) as worker:
        worker.wait_until(pool.is_done)
    assert pool.counts() == dict.fromkeys(ids, 1)
    assert not pool.broker.exists("unacked_index")


@pytest.mark.parametrize(
    ("kind", "end"), [("solo", SIGTERM), ("threads", SIGTERM), ("threads", SIGQUIT), ("prefork", SIGTERM)]
)
def test_a_worker_that_is_stopped_loses_nothing_and_leaves_nothing(pool: Pool, kind: str, end: Signals) -> None:
    """SIGQUIT lets Celery finish what is under way, for this time at most."""
    ids = pool.publish(5_000)
    with pool.start(kind, worker_soft_shutdown_timeout=0.5) as worker:
        worker.wait_until(lambda: len(pool.counts()) > 50)
        worker.stop(end)
        assert worker.exit_code in {0, 1}  # not killed
    left = pool.queue.depth(CHANNEL)
    assert left > 0
    assert not pool.broker.exists("unacked", "unacked_index")
    assert set(pool.counts().values()) == {1}
    twice = len(pool.counts()) + left - len(ids)
    assert 0 <= twice <= (POOLS[kind] if kind == "prefork" else 0)  # Celery forgets what a child does at the end


@pytest.mark.parametrize("kinds", [["normal"], ["normal", "pubsub"]])
def test_a_worker_whose_connections_are_killed_comes_back(pool: Pool, kinds: list[str]) -> None:
    with pool.start() as worker:
        for _ in range(3):
            ids = pool.publish(300)
            worker.wait_until(lambda ids=ids: bool(ids & pool.counts().keys()))
            for kind in kinds:
                pool.broker.client_kill_filter(_type=kind, skipme=True)
            worker.wait_until(lambda ids=ids: pool.have_run(ids))
        worker.wait_until(pool.is_done)


@pytest.mark.parametrize("keep_data", [True, False])
def test_a_worker_outlives_its_broker(pool: Pool, keep_data: bool) -> None:
    with pool.start() as worker:
        ids = pool.publish(1_000)
        worker.wait_until(lambda: bool(pool.counts()))
        before = pool.counts()
        pool.server.restart(keep_data=keep_data)
        ids = ids if keep_data else pool.publish(100)
        worker.wait_until(lambda: pool.have_run(ids), 60)
        worker.wait_until(pool.is_done)
    assert before


@pytest.mark.parametrize("transport", ["fast", "stock"])
@pytest.mark.usefixtures("fast")
def test_a_worker_answers_questions(pool: Pool, transport: Name) -> None:
    """Those of Flower and of `celery inspect`, which come as broadcasts and are answered on a queue without acks."""
    use_transport(transport)
    with pool.start() as worker, Celery("asks", broker=pool.server.url, set_as_current=False) as app:
        worker.wait_until(lambda: app.control.ping(timeout=0.5))
        (queues,) = app.control.inspect().active_queues().values()
        assert [queue["name"] for queue in queues] == ["notifier.bench"]
    assert not pool.broker.exists("unacked")


@pytest.mark.timeout(300)
def test_killed_workers_lose_nothing(tmp_path: Path) -> None:
    outcome = kill_workers(8, "fast", "threads", tmp_path, seed=1)
    assert outcome.lost == 0
    assert outcome.published > 1_000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/0", "celery_units.redis.transport"),
        ("rediss://h:1/0?ssl_cert_reqs=required", "celery_units.redis.transport"),
        (BrokerUrl.of("unix:///run/redis.sock?db=2").kombu, "celery_units.redis.transport"),
        ("sentinel://h:1/0", "celery_units.redis.transport"),
        ("amqp://h:1//", "kombu.transport.pyamqp"),
        ("memory://", "kombu.transport.memory"),
    ],
)
@pytest.mark.usefixtures("fast")
def test_it_is_the_transport_of_redis_and_of_no_other_broker(url: str, expected: str) -> None:
    assert type(Connection(url).transport).__module__ == expected


@pytest.mark.parametrize(
    ("setting", "expected"), [("fast", "celery_units.redis.transport"), ("stock", "kombu.transport.redis")]
)
def test_a_setting_chooses(setting: str, expected: str) -> None:
    code = "from workers.app import app; print(type(app.connection_for_read().transport).__module__)"
    environment = {
        "NOTIFIER_DATABASE_URL": "postgresql://nobody",
        "NOTIFIER_BROKER_URL": "redis://nobody",
        "NOTIFIER_TRANSPORT": setting,
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
