"""A worker on the fast transport that takes malformed messages runs the others, and each malformed one comes once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from celery_units.redis import Name
from sandbox.embedded.processes import Child
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.celery_units.app import QUEUE, Broker, new_ids
from tests.celery_units.malformed import NO_MESSAGES, changed, kinds
from tests.celery_units.worker import COUNT, UNIT, worker

CONSUMER = "celery_units.consumer:Consumer"
ALIKE = 3
"""So many messages of each kind: the second may be taken as one like the first."""
SECRET = "the argument"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path, durable=False) as server:
        yield server


def publish_after(queue: Broker, messages: list[bytes]) -> str:
    """Let those messages be followed by one that is sound. Return its id."""
    (id_,) = new_ids(1)
    with queue.client.pipeline() as pipe:
        queue.publish(id_, queue="sound")
        pipe.lpush(QUEUE, *messages).rpoplpush("sound", QUEUE).execute()
    return id_


def takes(queue: Broker, worker: Child, messages: list[bytes]) -> None:
    """Wait until the worker has run a sound message that comes after those."""
    id_ = publish_after(queue, messages)
    worker.wait_until(lambda: queue.client.hexists("ended", id_))


def model(queue: Broker) -> bytes:
    queue.publish(SECRET, queue="model")
    message = queue.client.rpop("model")
    assert isinstance(message, bytes)
    queue.client.set("free", 1)
    return message


def is_done(client: redis.Redis) -> bool:
    return not client.exists("unacked", "unacked_index", QUEUE)


@pytest.mark.parametrize("task", [UNIT, COUNT])
def test_each_kind_is_dropped_and_the_others_run(server: RedisServer, tmp_path: Path, task: str) -> None:
    queue = Broker(server.url, task)
    message = model(queue)
    log = tmp_path / "worker.log"
    with worker(server.url, log, "threads", transport="fast", log_level="warning", worker_consumer=CONSUMER) as taker:
        for name, change in kinds():
            try:
                takes(queue, taker, [changed(message, change) for _ in range(ALIKE)])
            except Exception as error:
                error.add_note(f"the malformed messages: {name}")
                raise
        takes(queue, taker, NO_MESSAGES)
        taker.wait_until(lambda: is_done(queue.client))
    text = log.read_text(errors="replace")
    assert "on_connection_error" not in text
    ours = [line for line in text.splitlines() if "malformed" in line]
    assert not [line for line in ours if SECRET in line]
    queue.close()


@pytest.mark.parametrize("transport", ["fast", "stock"])
def test_a_message_that_celery_cannot_read_is_named_in_one_line(
    server: RedisServer, tmp_path: Path, transport: Name
) -> None:
    queue = Broker(server.url, COUNT)
    message, log = model(queue), tmp_path / "worker.log"
    with worker(
        server.url, log, "threads", transport=transport, log_level="warning", worker_consumer=CONSUMER
    ) as taker:
        bad = [changed(message, lambda each: each["headers"].update(id="named", timelimit=5)) for _ in range(ALIKE)]
        takes(queue, taker, bad)
        taker.wait_until(lambda: is_done(queue.client))
        lines = [line for line in log.read_text().splitlines() if "named" in line]
    assert len(lines) == ALIKE
    assert all("a malformed message is rejected: id 'named'" in line for line in lines)
    queue.close()
