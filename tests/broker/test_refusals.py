"""Commands that Redis refuses: nothing ends, nothing is lost, and it goes on when Redis allows them again."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
import redis
from kombu.asynchronous import Hub

from notifier.broker import BrokerError, Queue
from notifier.broker.refusal import Refusals, advice, explained
from sandbox.redis import RedisServer, embedded_redis
from tests.broker.consumer import Looped, publish
from tests.broker.proxy import proxied
from tests.refusals.kinds import KINDS, admin


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("refusing"), durable=False) as server:
        yield server


@pytest.fixture
def outside(server: RedisServer) -> Iterator[redis.Redis]:
    with admin(server.url) as client:
        yield client


def acknowledging(hub: Hub, seen: list[str]) -> Callable[..., None]:
    def handle(message: object) -> None:
        seen.append(message.payload)  # type: ignore[attr-defined]
        hub.call_soon(message.ack)  # type: ignore[attr-defined]

    return handle


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_consumer_waits_and_goes_on(server: RedisServer, outside: redis.Redis, hub: Hub, kind: str) -> None:
    seen: list[str] = []
    with Looped(server.url, "fast", hub=hub, on_message=acknowledging(hub, seen)) as consumer:
        publish(server.url, "fast", "a", ["before"])
        consumer.turn_until(lambda: len(seen) == 1 and not outside.exists("unacked"))
        KINDS[kind].begin(outside)
        consumer.turn(60)
        KINDS[kind].end(outside)
        publish(server.url, "fast", "a", ["after"])
        consumer.turn_until(lambda: "after" in seen and not outside.exists("unacked", "unacked_index"))
    assert seen == ["before", "after"]


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_consumer_starts(server: RedisServer, outside: redis.Redis, hub: Hub, kind: str) -> None:
    publish(server.url, "fast", "a", ["x"])
    KINDS[kind].begin(outside)
    try:
        seen: list[str] = []
        with Looped(server.url, "fast", hub=hub, on_message=acknowledging(hub, seen)) as consumer:
            consumer.turn(30)
            assert seen == (["x"] if kind == "full" else [])
            KINDS[kind].end(outside)
            consumer.turn_until(lambda: seen == ["x"] and not outside.exists("unacked"))
            consumer.turn_until(lambda: outside.exists("_kombu.binding.a"))
    finally:
        KINDS[kind].end(outside)


@pytest.mark.parametrize("key", ["unacked", "unacked_index"])
def test_what_cannot_be_kept_goes_back(server: RedisServer, outside: redis.Redis, key: str) -> None:
    """The messages keep their places, and none is in two of them."""
    publish(server.url, "fast", "a", range(5))
    before = outside.lrange("a", 0, -1)
    outside.set(key, "of another application")
    with Looped(server.url, "fast") as consumer:
        consumer.turn(40)
        assert outside.lrange("a", 0, -1) == before
        outside.delete(key)
        consumer.turn_until(lambda: len(consumer.received) == 5)
    assert consumer.bodies == [*range(5)]


@pytest.mark.parametrize("kind", ["read-only", "misconfigured", "without rights"])
def test_what_a_worker_rejects_returns_once_redis_allows_it(
    server: RedisServer, outside: redis.Redis, kind: str
) -> None:
    publish(server.url, "fast", "a", range(3))
    with Looped(server.url, "fast", prefetch=3) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        KINDS[kind].begin(outside)
        for message in [*consumer.received]:
            message.reject(requeue=True)
        consumer.turn(20)
        KINDS[kind].end(outside)
        consumer.turn_until(lambda: len(consumer.received) == 6)  # its credit came back too
        assert all(message.headers["redelivered"] for message in consumer.received[3:])


def test_a_full_redis_takes_acks_from_any_thread(server: RedisServer, outside: redis.Redis) -> None:
    publish(server.url, "fast", "a", ["x"])
    with Looped(server.url, "fast") as consumer:
        consumer.turn_until(lambda: consumer.received)
        KINDS["full"].begin(outside)
        consumer.received[0].ack()
        consumer.channel.qos.flush()
        assert not outside.exists("unacked", "unacked_index")


def test_a_worker_leaves_a_demoted_primary(
    server: RedisServer, outside: redis.Redis, hub: Hub, tmp_path: Path
) -> None:
    """The old primary keeps its connections open; the address leads to the new one."""
    seen: list[str] = []
    ids = {UUID(int=1): 0}
    with (
        embedded_redis(tmp_path, durable=False, password=server.password) as successor,
        proxied(server.url) as proxy,
        closing(Queue(proxy.url)) as queue,
        Looped(proxy.url, "fast", hub=hub, on_message=acknowledging(hub, seen)) as consumer,
    ):
        assert queue.depth("email") == 0
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        proxy.lead_to(successor.port)
        KINDS["read-only"].begin(outside)
        publish(successor.url, "fast", "a", ["x"])
        with redis.Redis.from_url(successor.url) as client:
            consumer.turn_until(lambda: seen == ["x"] and not client.exists("unacked"))
        with pytest.raises(BrokerError, match="it is a replica"):
            queue.publish("email", ids)
        queue.publish("email", ids)
        assert queue.held("email") == {*ids}


def test_a_promoted_replica_is_another_generation(server: RedisServer, outside: redis.Redis) -> None:
    """Its memory is the same but for the last writes: only its replication id tells."""
    with closing(Queue(server.url)) as queue:
        before = queue.generation()
        assert queue.generation() == before
        KINDS["full"].begin(outside)
        assert queue.generation() == before
        KINDS["full"].end(outside)
        KINDS["read-only"].begin(outside)
        KINDS["read-only"].end(outside)
        assert queue.generation() != before


def test_a_process_starts_where_redis_refuses(server: RedisServer, outside: redis.Redis) -> None:
    KINDS["primary down"].begin(outside)
    with closing(Queue(server.url)) as queue:
        queue.check()
    KINDS["primary down"].end(outside)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (redis.exceptions.ReadOnlyError("You can't write against a read only replica."), "it is a replica"),
        (redis.ResponseError("Error running script: @user_script:1: -OOM command not allowed"), "its memory is full"),
        (redis.ResponseError("MISCONF Redis is configured to save"), "it cannot save"),
        (redis.ResponseError("ERR something else"), ""),
    ],
)
def test_advice(error: Exception, told: str) -> None:
    assert advice(error).startswith(told)
    assert explained(error).endswith(advice(error) or "something else")


def test_a_refusal_that_goes_on_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")  # another test may have configured the logging
    now = 0.0
    refusals = Refusals("to work", clock=lambda: now)
    waits = []
    while now < 100.0:
        waits.append(wait := refusals.add(redis.ResponseError("no")))
        assert refusals.waits
        now += wait
    assert waits[:5] == [0.5, 1.0, 2.0, 4.0, 5.0]
    assert max(waits) == 5.0
    assert not refusals.waits
    refusals.end()
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR", "WARNING"]
