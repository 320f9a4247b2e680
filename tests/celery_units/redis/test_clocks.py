"""Workers whose clocks are wrong: only the clock of Redis says how long a message has been reserved."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from celery_units.redis import channel, kept, qos
from tests.celery_units.redis.consumer import Looped, connect, publish
from tests.celery_units.redis.proxy import proxied
from tests.waiting import wait_until

HOUR = 3_600.0


@pytest.fixture(params=[-HOUR, HOUR], ids=["behind", "ahead"], autouse=True)
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's clock is an hour off, by whatever name the transport may know it."""
    right: Callable[[], float] = time.time

    def clock() -> float:
        return right() + float(request.param)

    monkeypatch.setattr(time, "time", clock)
    for module in (channel, kept, qos):
        monkeypatch.setattr(module, "time", clock, raising=False)


def moment(broker: redis.Redis) -> float:
    seconds, microseconds = broker.time()
    return float(seconds + microseconds / 1_000_000)


def taken(broker: redis.Redis) -> list[float]:
    return [score for _, score in broker.zrange("unacked_index", 0, -1, withscores=True)]


def test_a_message_is_reserved_at_the_time_of_redis(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "stock", "a", range(3))
    before = moment(broker)
    with Looped(broker_url, "fast", prefetch=2) as consumer, connect(broker_url, "fast") as other:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        assert other.default_channel.basic_get("a")
        assert len(taken(broker)) == 3
        assert all(before <= each <= moment(broker) for each in taken(broker))


@pytest.mark.parametrize(("ago", "returns"), [(HOUR - 60, False), (HOUR + 60, True)])
def test_messages_of_other_workers_return_after_the_visibility_timeout(
    broker_url: str, broker: redis.Redis, ago: float, returns: bool
) -> None:
    publish(broker_url, "stock", "a", ["x"])
    with Looped(broker_url, "fast") as killed, connect(broker_url, "fast", visibility_timeout=HOUR) as other:
        killed.turn_until(lambda: killed.received)
        killed.die()
        (tag,) = broker.zrange("unacked_index", 0, -1)
        broker.zadd("unacked_index", {tag: moment(broker) - ago})
        other.default_channel.qos.restore_visible(interval=1)
        assert broker.llen("a") == returns


@pytest.mark.parametrize("prefix", ["", "ours:"])
def test_messages_of_other_workers_return_also_if_the_clock_of_redis_was_set_back(
    broker_url: str, broker: redis.Redis, prefix: str
) -> None:
    options: dict[str, Any] = {"global_keyprefix": prefix, "visibility_timeout": 1}
    publish(broker_url, "stock", "a", range(3), **options)
    with Looped(broker_url, "fast", **options) as killed, connect(broker_url, "fast", **options) as other:
        killed.turn_until(lambda: killed.received)
        killed.die()
        index = f"{prefix}unacked_index"
        held = broker.zrange(index, 0, -1)
        broker.zadd(index, dict.fromkeys(held, moment(broker) + HOUR))
        other.default_channel.qos.restore_visible(interval=1)
        assert broker.zcard(index) == len(held)  # a worker may have them: their visibility timeout begins anew
        wait_until(lambda: other.default_channel.qos.restore_visible(interval=1) or not broker.zcard(index))
        assert broker.llen(f"{prefix}a") == 3


@pytest.mark.parametrize("prefix", ["", "ours:"])
def test_messages_of_a_lost_answer_are_given_back_and_no_others(
    broker_url: str, broker: redis.Redis, prefix: str
) -> None:
    options = {"polling_interval": 60, "global_keyprefix": prefix}
    publish(broker_url, "stock", "a", ["in hand"], **options)
    with proxied(broker_url) as proxy, Looped(proxy.url, "fast", prefetch=5, **options) as consumer:
        consumer.turn_until(lambda: consumer.received)
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        publish(broker_url, "stock", "a", ["lost"], **options)
        proxy.mute()
        consumer.channel.request_soon()
        consumer.connection.transport.cycle.on_poll_start()
        wait_until(lambda: broker.hlen(f"{prefix}unacked") == 2)
        proxy.cut()
        consumer.turn_until(lambda: len(consumer.received) == 2)
        assert consumer.bodies == ["in hand", "lost"]
