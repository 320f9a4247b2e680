"""Celery workers as processes, on the fast transport."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIGQUIT, SIGTERM, Signals
from typing import Any

import pytest
import redis
from celery import Celery
from kombu import Connection

from celery_units.redis import Name, use_transport
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.celery_units.app import QUEUE, Broker, new_ids
from tests.celery_units.worker import COUNT, worker

PLACES = {"solo": 1, "threads": 8, "prefork": 2}
OPTIONS = {
    "worker_prefetch_multiplier": 8,
    "worker_send_task_events": False,
    "broker_transport_options": {"visibility_timeout": 4},  # for a killed child's message to return soon
}


class Pool:
    """Workers on a broker of their own, and what they have run."""

    def __init__(self, server: RedisServer, counter: RedisServer, folder: Path) -> None:
        self.server = server
        self.client = redis.Redis.from_url(server.url)
        self.queue = Broker(server.url, COUNT)
        self._folder = folder
        self._counter_url = counter.url
        self._counter = redis.Redis.from_url(counter.url, decode_responses=True)

    def start(self, pool: str = "threads", transport: Name = "fast", **options: Any) -> Child:
        return worker(
            self.server.url,
            self._folder / f"{transport}.log",
            pool,
            transport=transport,
            places=PLACES[pool],
            counter_url=self._counter_url,
            **(OPTIONS | options),
        )

    def publish(self, count: int) -> set[str]:
        ids = new_ids(count)
        self.queue.publish(*ids)
        return set(ids)

    def counts(self) -> dict[str, int]:
        return {id_: int(count) for id_, count in self._counter.hgetall("ended").items()}

    def have_run(self, ids: set[str]) -> bool:
        return ids <= self.counts().keys()

    def is_done(self) -> bool:
        return not self.client.llen(QUEUE) and not self.client.exists("unacked")

    def close(self) -> None:
        self.queue.close()
        self.client.close()
        self._counter.close()


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with embedded_redis(tmp_path) as server, embedded_redis(tmp_path, durable=False) as counter:
        made = Pool(server, counter, tmp_path)
        yield made
        made.close()


@pytest.mark.parametrize("kind", [*PLACES])
def test_each_task_runs_once_and_is_acknowledged(pool: Pool, kind: str) -> None:
    ids = pool.publish(400)
    with pool.start(kind) as worker:
        worker.wait_until(pool.is_done)
    assert pool.counts() == dict.fromkeys(ids, 1)
    assert not pool.client.exists("unacked_index")


@pytest.mark.parametrize(
    ("kind", "end"), [("solo", SIGTERM), ("threads", SIGTERM), ("threads", SIGQUIT), ("prefork", SIGTERM)]
)
def test_a_worker_that_is_stopped_loses_nothing_and_leaves_nothing(pool: Pool, kind: str, end: Signals) -> None:
    """SIGQUIT lets Celery finish what is running, for this time at most.

    Nothing is logged for a task: Celery waits for its threads within the handler of SIGQUIT. If the signal comes
    while the main thread writes a line, those wait for the log, and the process hangs.
    """
    ids = pool.publish(5_000)
    with pool.start(kind, log_level="warning", worker_soft_shutdown_timeout=0.5) as worker:
        worker.wait_until(lambda: len(pool.counts()) > 50)
        worker.stop(end)
        assert worker.exit_code in {0, 1}  # not killed
    left = pool.client.llen(QUEUE)
    assert left > 0
    assert not pool.client.exists("unacked", "unacked_index")
    assert set(pool.counts().values()) == {1}
    twice = len(pool.counts()) + left - len(ids)
    assert 0 <= twice <= (PLACES[kind] if kind == "prefork" else 0)  # Celery forgets what a child does at the end


@pytest.mark.parametrize("kinds", [["normal"], ["normal", "pubsub"]])
def test_a_worker_whose_connections_are_killed_comes_back(pool: Pool, kinds: list[str]) -> None:
    with pool.start() as worker:
        for _ in range(3):
            ids = pool.publish(300)
            worker.wait_until(lambda ids=ids: bool(ids & pool.counts().keys()))
            for kind in kinds:
                pool.client.client_kill_filter(_type=kind, skipme=True)
            worker.wait_until(lambda ids=ids: pool.have_run(ids))
        worker.wait_until(pool.is_done)


@pytest.mark.parametrize("keep_data", [True, False])
def test_a_worker_goes_on_when_its_broker_has_restarted(pool: Pool, keep_data: bool) -> None:
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
def test_a_worker_answers_remote_control(pool: Pool, transport: Name) -> None:
    """What Flower and `celery inspect` ask comes as broadcasts and is answered on a queue without acks."""
    use_transport(transport)
    with pool.start() as worker, Celery("asks", broker=pool.server.url, set_as_current=False) as app:
        worker.wait_until(lambda: app.control.ping(timeout=0.5))
        (queues,) = app.control.inspect().active_queues().values()
        assert [queue["name"] for queue in queues] == [QUEUE]
    assert not pool.client.exists("unacked")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/0", "celery_units.redis.transport"),
        ("rediss://h:1/0?ssl_cert_reqs=required", "celery_units.redis.transport"),
        ("redis+socket:///run/redis.sock?virtual_host=2", "celery_units.redis.transport"),
        ("sentinel://h:1/0", "celery_units.redis.transport"),
        ("amqp://h:1//", "kombu.transport.pyamqp"),
        ("memory://", "kombu.transport.memory"),
    ],
)
@pytest.mark.usefixtures("fast")
def test_it_is_the_transport_of_redis_and_of_no_other_broker(url: str, expected: str) -> None:
    assert type(Connection(url).transport).__module__ == expected
