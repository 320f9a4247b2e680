"""Commands that Redis refuses: the consumer goes on when Redis accepts them again, and no message is lost."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import redis
from kombu.asynchronous import Hub

from celery_units.redis.refusal import Refusals, advice, explained
from sandbox.embedded.redis import RedisServer, embedded_redis
from tests.celery_units.redis.consumer import Looped, publish
from tests.celery_units.redis.proxy import proxied
from tests.refusals.kinds import KINDS, admin


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with embedded_redis(tmp_path_factory.mktemp("refusing"), durable=False) as server:
        yield server


@pytest.fixture
def outside(server: RedisServer) -> Iterator[redis.Redis]:
    with admin(server.url) as client:
        yield client


def acknowledging(hub: Hub, seen: list[Any]) -> Callable[..., None]:
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
        consumer.turn_until(lambda: len(consumer.received) == 6)  # their places are free again
        assert all(message.headers["redelivered"] for message in consumer.received[3:])


def test_a_full_redis_takes_acks_from_any_thread(server: RedisServer, outside: redis.Redis) -> None:
    publish(server.url, "fast", "a", ["x"])
    with Looped(server.url, "fast") as consumer:
        consumer.turn_until(lambda: consumer.received)
        KINDS["full"].begin(outside)
        consumer.received[0].ack()
        consumer.channel.qos.flush()
        assert not outside.exists("unacked", "unacked_index")


@pytest.mark.parametrize(
    "shares", [None, [{"queues": ["a"], "weight": 2, "most": 1.0}, {"queues": ["b", "c"], "weight": 1, "most": 0.5}]]
)
@pytest.mark.parametrize("waiting", [[], ["x"]])
def test_a_consumer_leaves_a_demoted_primary(
    server: RedisServer, outside: redis.Redis, hub: Hub, tmp_path: Path, waiting: list[str], shares: Any
) -> None:
    """The old primary keeps its connections open; the address leads to the new one. The old one answers what only
    reads: its lists, which are empty or copies of those of the new one.
    """
    seen: list[str] = []
    with (
        embedded_redis(tmp_path, durable=False, password=server.password) as successor,
        proxied(server.url) as proxy,
        Looped(
            proxy.url, "fast", ["a", "b", "c"], hub=hub, on_message=acknowledging(hub, seen), queue_shares=shares
        ) as consumer,
    ):
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        proxy.lead_to(successor.port)
        publish(server.url, "fast", "a", waiting)
        KINDS["read-only"].begin(outside)
        publish(successor.url, "fast", "a", ["x"])
        with redis.Redis.from_url(successor.url) as client:
            consumer.turn_until(lambda: seen == ["x"] and not client.exists("unacked"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (redis.exceptions.ReadOnlyError("You can't write against a read only replica."), "it is a replica"),
        (redis.ResponseError("Error running script: @user_script:1: -OOM command not allowed"), "its memory is full"),
        (redis.ResponseError("MISCONF Redis is configured to save"), "it cannot save"),
        (redis.ResponseError("ERR something else"), ""),
    ],
)
def test_advice(error: Exception, expected: str) -> None:
    assert advice(error).startswith(expected)
    assert explained(error).endswith(advice(error) or "something else")


def test_a_refusal_that_goes_on_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")  # another test may have configured the logging
    now = 0.0
    refusals = Refusals("Redis refuses to work", clock=lambda: now)
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
    assert caplog.messages[0] == "Redis refuses to work, trying again: no"
    assert caplog.messages[-1].startswith("Redis refuses to work: this has ended, after ")


@pytest.mark.parametrize("queues", [("a", "b"), ("b", "a"), ("b", "a", "c")])
def test_a_list_of_another_type_does_not_strand_what_the_other_queues_gave(
    server: RedisServer, outside: redis.Redis, queues: tuple[str, ...], hub: Hub
) -> None:
    """Their messages are handed out, once each and in order, and those that come later, too."""
    seen: list[Any] = []
    publish(server.url, "fast", "a", range(20))
    outside.set("b", "of another application")
    with Looped(server.url, "fast", queues, hub=hub, on_message=acknowledging(hub, seen)) as consumer:
        consumer.turn_until(lambda: len(seen) == 20 and not outside.exists("unacked"))
        began = monotonic()
        publish(server.url, "fast", "a", ["later"])
        consumer.turn_until(lambda: len(seen) == 21)
        assert monotonic() - began < 1.0  # it does not wait because of the other queue
        assert outside.zcard("unacked_index") <= 1
        outside.delete("b")
        publish(server.url, "fast", "b", ["mended"])
        consumer.turn_until(lambda: len(seen) == 22)
    assert seen == [*range(20), "later", "mended"]


def test_what_one_list_does_not_take_back_stays_kept_and_the_others_go_back(
    server: RedisServer, outside: redis.Redis
) -> None:
    for queue in ("a", "b"):
        publish(server.url, "fast", queue, range(3))
    with Looped(server.url, "fast", ["a", "b"]) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 6)
        taken_at = max(score for _, score in outside.zrange("unacked_index", 0, -1, withscores=True))
        outside.set("b", "of another application")
        tags = [message.delivery_tag for message in consumer.received]
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            consumer.channel.kept.give_back(tags)
        assert outside.llen("a") == 3
        left = outside.zrange("unacked_index", 0, -1, withscores=True)
        assert len(left) == outside.hlen("unacked") == 3
        assert min(score for _, score in left) >= taken_at  # the next look for overdue ones begins elsewhere
        outside.delete("b")
        consumer.channel.kept.give_back(tags)
        assert (outside.llen("a"), outside.llen("b"), outside.exists("unacked")) == (3, 3, 0)


@pytest.mark.parametrize("kind", ["read-only", "without rights"])
def test_a_stop_while_redis_refuses_keeps_what_was_not_handed_out(
    server: RedisServer, outside: redis.Redis, kind: str
) -> None:
    """Celery cancels the consumer, then closes the channel. Redis allows it again in between."""
    publish(server.url, "fast", "a", range(50))
    with Looped(server.url, "fast", prefetch=50, on_message=lambda _: time.sleep(0.011)) as consumer:
        consumer.turn_until(lambda: consumer.channel.reserved)  # some are not handed out yet
        KINDS[kind].begin(outside)
        with suppress(redis.ResponseError):
            consumer.consumer.cancel()
        KINDS[kind].end(outside)
        consumer.channel.close()
        assert (outside.llen("a"), outside.exists("unacked")) == (50, 0)
        assert b'"losses": 1' not in b"".join(outside.lrange("a", 0, -1))
