"""Messages that a living worker holds longer than the visibility timeout: they are not delivered again."""

import json
from collections.abc import Iterator
from math import inf
from pathlib import Path
from time import monotonic

import pytest
import redis
from kombu import Connection
from kombu.asynchronous import Hub

from celery_units.redis import renewals
from celery_units.redis.renewals import Hold, held_too_long, to_renew
from sandbox.embedded.redis import embedded_redis
from tests.celery_units.redis.consumer import Looped, connect, publish
from tests.refusals.kinds import KINDS, admin
from tests.waiting import wait_until

VISIBILITY = 2
OPTIONS = {"visibility_timeout": VISIBILITY, "unacked_restore_interval": 1}


def holding(url: str, hub: Hub | None = None, prefetch: int = 10) -> Looped:
    return Looped(url, "fast", hub=hub, prefetch=prefetch, **OPTIONS)


@pytest.fixture
def other(broker_url: str) -> Iterator[Connection]:
    """A connection of another process, for `give_back_overdue`."""
    with connect(broker_url, "fast", **OPTIONS) as connection:
        yield connection


def give_back_overdue(other: Connection) -> None:
    other.default_channel.qos.restore_visible(num=None, interval=1)


def taken(broker: redis.Redis) -> dict[str, float]:
    return {tag.decode(): score for tag, score in broker.zrange("unacked_index", 0, -1, withscores=True)}


def tags(consumer: Looped) -> list[str]:
    return [message.delivery_tag for message in consumer.received]


def test_a_message_that_is_held_long_is_delivered_once(
    broker_url: str, broker: redis.Redis, other: Connection
) -> None:
    publish(broker_url, "fast", "a", range(3))
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        until = min(taken(broker).values()) + 3 * VISIBILITY

        def held_long() -> bool:
            give_back_overdue(other)
            return max(taken(broker).values(), default=until) >= until

        consumer.turn_until(held_long)
        assert consumer.bodies == [0, 1, 2]
        assert sorted(taken(broker)) == sorted(tags(consumer))
        assert not broker.exists("a")


def test_a_worker_that_died_after_a_renewal_loses_its_messages_in_time(
    broker_url: str, broker: redis.Redis, other: Connection
) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: consumer.received)
        (first,) = taken(broker).values()
        consumer.turn_until(lambda: list(taken(broker).values()) > [first])
        consumer.die()
        (renewed,) = taken(broker).values()
        wait_until(lambda: give_back_overdue(other) or broker.llen("a"))
        assert broker.time()[0] <= renewed + 2 * VISIBILITY


def test_an_event_loop_that_hangs_renews_nothing(broker_url: str, broker: redis.Redis, other: Connection) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: consumer.received)
        wait_until(lambda: give_back_overdue(other) or broker.llen("a"))


def test_what_another_worker_has_by_now_is_not_renewed(
    broker_url: str, broker: redis.Redis, other: Connection
) -> None:
    """The event loop hung for so long that the message was given to another worker, and this one still runs it."""
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url, prefetch=2) as consumer, holding(broker_url, prefetch=1) as second:
        consumer.turn_until(lambda: consumer.received)
        wait_until(lambda: give_back_overdue(other) or broker.llen("a"))
        second.turn_until(lambda: second.received)
        (x,) = tags(second)
        assert tags(consumer) == [x]
        before = taken(broker)[x]
        publish(broker_url, "fast", "a", ["y"])
        consumer.turn_until(lambda: len(consumer.received) == 2)
        y = tags(consumer)[1]
        first = taken(broker)[y]
        consumer.turn_until(lambda: taken(broker).get(y) != first)
        assert taken(broker).get(x, before) == before
        assert taken(broker)[y] > first


def test_what_was_given_back_just_before_a_renewal_stays_given_back(
    broker_url: str, broker: redis.Redis, other: Connection
) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url, prefetch=1) as consumer:
        consumer.turn_until(lambda: consumer.received)
        (tag,) = tags(consumer)
        assert consumer.channel.kept.renew({tag: VISIBILITY}) == []
        other.default_channel.kept.give_back([tag])
        assert consumer.channel.kept.renew({tag: VISIBILITY}) == [tag]
        assert not taken(broker)
        assert broker.llen("a") == 1


def test_what_is_acknowledged_is_not_renewed(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(2))
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        acknowledged, held = tags(consumer)
        before = taken(broker)
        consumer.received[0].ack()
        consumer.turn_until(lambda: taken(broker)[held] > before[held])
        assert acknowledged not in taken(broker)


def test_a_tag_that_is_a_number_is_renewed_as_others_are(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", ["x"])
    (text,) = broker.lrange("a", 0, -1)
    numbered = json.loads(text)
    numbered["properties"]["delivery_tag"] = 7
    broker.lpush("a", json.dumps(numbered))
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        before = taken(broker)
        consumer.turn_until(lambda: all(taken(broker)[tag] > moment for tag, moment in before.items()))
        assert len(consumer.received) == 2
        for message in consumer.received:
            message.ack()
        consumer.turn_until(lambda: not broker.exists("unacked", "unacked_index"))


def test_a_channel_that_is_closed_renews_nothing(hub: Hub, broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url, hub=hub) as consumer:
        consumer.turn_until(lambda: consumer.received)
        consumer.connection.release()
        renewing = consumer.channel.qos.renewals
        consumer.turn_until(lambda: renewing._timer is None)
        assert broker.llen("a") == 1
        assert not taken(broker)


def test_a_message_is_not_renewed_without_end(
    broker_url: str, other: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its unit may hang in a thread, which the event loop cannot see."""
    monkeypatch.setattr(renewals, "LONGEST", 2)
    publish(broker_url, "fast", "a", ["x"])
    with holding(broker_url) as consumer:
        consumer.turn_until(lambda: give_back_overdue(other) or len(consumer.received) == 2)
    assert "held for more than" in caplog.text


def test_a_full_redis_renews(tmp_path: Path) -> None:
    with embedded_redis(tmp_path, durable=False) as server, admin(server.url) as client:
        publish(server.url, "fast", "a", ["x"])
        with holding(server.url) as consumer:
            consumer.turn_until(lambda: consumer.received)
            before = taken(client)
            KINDS["full"].begin(client)
            consumer.turn_until(lambda: taken(client) != before)
            assert taken(client).keys() == before.keys()


def test_a_refusal_is_borne(tmp_path: Path) -> None:
    with embedded_redis(tmp_path, durable=False) as server, admin(server.url) as client:
        publish(server.url, "fast", "a", ["x"])
        with holding(server.url) as consumer:
            consumer.turn_until(lambda: consumer.received)
            before = taken(client)
            KINDS["read-only"].begin(client)
            until = monotonic() + VISIBILITY
            consumer.turn_until(lambda: monotonic() > until)
            KINDS["read-only"].end(client)
            consumer.turn_until(lambda: taken(client) != before or len(consumer.received) == 2)


def test_only_what_is_held_for_a_third_of_the_timeout_is_renewed() -> None:
    held = {"new": Hold(90.0, 90.0), "old": Hold(80.0, 80.0), "renewed": Hold(0.0, 95.0), "left": Hold(-999.0, inf)}
    assert to_renew(held, 100.0, 60.0) == {"old": 40.0}
    assert held_too_long(held, 685.0, 60.0) == ["old", "renewed"]
