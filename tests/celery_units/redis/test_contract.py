"""This transport and stock kombu share queues: each reads what the other writes."""

import asyncio
import json
from typing import Any

import kombu
import pytest
import redis
from flower.utils.broker import Broker
from kombu import Exchange
from kombu.message import Message

from tests.celery_units.redis.consumer import Looped, connect, publish

PAIRS = [("stock", "fast"), ("fast", "stock"), ("fast", "fast")]
STEPS = {"priority_steps": [0, 3, 6, 9]}


def content(message: Message) -> dict[str, Any]:
    tag = message.properties["delivery_tag"]
    assert tag == message.delivery_tag
    return {
        "payload": message.payload,
        "headers": message.headers,
        "properties": message.properties | {"delivery_tag": ""},
        "types": (message.content_type, message.content_encoding),
    }


def kept(broker: redis.Redis) -> list[Any]:
    """The unacknowledged messages, the oldest first, without what differs by chance."""
    entries = []
    for tag in broker.zrange("unacked_index", 0, -1):
        text = broker.hget("unacked", tag)
        assert text is not None
        entry = json.loads(text)
        assert entry[0]["properties"].pop("delivery_tag") == tag.decode()
        entries.append(entry)
    return sorted(entries, key=str)


def test_kombu_is_the_version_that_this_was_written_against() -> None:
    assert kombu.__version__.startswith("5.7."), "read its redis.py again, then raise the pin and this"


@pytest.mark.parametrize(("publisher", "consumer"), PAIRS)
def test_a_message_arrives_as_stock_would_deliver_it(broker_url: str, publisher: str, consumer: str) -> None:
    bodies = [{"text": 'quote " and ünïcode'}, ["nested", {"delivery_tag": "decoy"}], None, 1.5]
    headers = {"h": {"delivery_tag": "decoy"}, "n": 1}
    seen = []
    for one, other in (("stock", "stock"), (publisher, consumer)):
        with Looped(broker_url, other) as consumer_:
            publish(broker_url, one, "a", bodies, headers=headers)
            consumer_.turn_until(lambda c=consumer_: len(c.received) == len(bodies))
            seen.append([content(message) for message in consumer_.received])
            for message in consumer_.received:
                message.ack()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("encoding", ["utf-8", "base64"])
def test_what_redis_keeps_is_what_stock_would_keep(broker_url: str, broker: redis.Redis, encoding: str) -> None:
    seen = []
    for transport in ("stock", "fast"):
        publish(broker_url, "stock", "a", [{"a": [1, "ü"]}, "b"], body_encoding=encoding, headers={"id": "1"})
        with Looped(broker_url, transport) as consumer:
            consumer.turn_until(lambda c=consumer: len(c.received) == 2)
            seen.append(kept(broker))
            assert broker.zcard("unacked_index") == broker.hlen("unacked") == 2
            for message in consumer.received:
                message.ack()
        assert not broker.exists("unacked", "unacked_index", "a")
    assert seen[0] == seen[1]


def test_what_is_kept_is_the_same_to_the_byte(broker_url: str, broker: redis.Redis) -> None:
    with connect(broker_url, "stock") as connection:
        message = connection.default_channel.prepare_message("x", headers={"id": "1"})
        connection.default_channel.basic_publish(message, exchange="", routing_key="a")
    element = broker.lindex("a", 0)
    seen = []
    for transport in ("stock", "fast"):
        broker.delete("a")
        broker.lpush("a", element)
        with Looped(broker_url, transport) as consumer:
            consumer.turn_until(lambda c=consumer: c.received)
            seen.append(broker.hgetall("unacked"))
            consumer.received[0].ack()
    assert seen[0] == seen[1]


@pytest.mark.parametrize(("dying", "heir"), PAIRS)
def test_what_a_dead_worker_had_is_delivered_again(
    broker_url: str, broker: redis.Redis, dying: str, heir: str
) -> None:
    publish(broker_url, "stock", "a", range(5))
    with Looped(broker_url, dying) as first:
        first.turn_until(lambda: len(first.received) == 5)
        first.die()
        with Looped(broker_url, heir, visibility_timeout=-1) as second:
            second.channel.qos.restore_visible(num=500, interval=1)
            second.turn_until(lambda: len(second.received) == 5)
            assert sorted(second.bodies) == [0, 1, 2, 3, 4]
            assert all(message.headers["redelivered"] for message in second.received)
            assert all(message.delivery_info["redelivered"] for message in second.received)
            for message in second.received:
                message.ack()
    assert not broker.exists("unacked", "unacked_index", "a")


@pytest.mark.parametrize(("giving", "taking"), PAIRS)
@pytest.mark.parametrize("how", ["closed", "rejected"])
def test_what_is_given_back_is_taken_by_the_other(broker_url: str, giving: str, taking: str, how: str) -> None:
    publish(broker_url, "stock", "a", range(5))
    with Looped(broker_url, giving) as first:
        first.turn_until(lambda: len(first.received) == 5)
        if how == "rejected":
            first.consumer.cancel()
            for message in first.received:
                message.requeue()
    with Looped(broker_url, taking) as second:
        second.turn_until(lambda: len(second.received) == 5)
        assert all(message.headers["redelivered"] for message in second.received)
        assert how == "rejected" or giving == "stock" or second.bodies == [0, 1, 2, 3, 4]  # stock reverses them


@pytest.mark.parametrize("consumer", ["stock", "fast"])
def test_a_message_of_a_named_exchange_returns_to_its_queue(
    broker_url: str, broker: redis.Redis, consumer: str
) -> None:
    with Looped(broker_url, consumer) as first:
        publish(broker_url, "stock", "a", ["x"], exchange=Exchange("a", type="direct"))
        first.turn_until(lambda: first.received)
    assert broker.llen("a") == 1


@pytest.mark.parametrize(("publisher", "consumer"), [*PAIRS, ("stock", "stock")])
def test_the_urgent_come_first(broker_url: str, publisher: str, consumer: str) -> None:
    for priority in (9, 0, 3, 6, 0):
        publish(broker_url, publisher, "a", [priority], priority=priority, **STEPS)
    with Looped(broker_url, consumer, **STEPS) as consumer_:
        consumer_.turn_until(lambda: len(consumer_.received) == 5)
        assert consumer_.bodies == [0, 0, 3, 6, 9]


@pytest.mark.parametrize(("publisher", "consumer"), PAIRS)
def test_all_keys_have_the_prefix(broker_url: str, broker: redis.Redis, publisher: str, consumer: str) -> None:
    options = {"global_keyprefix": "ours:"}
    with Looped(broker_url, consumer, **options) as consumer_:
        publish(broker_url, publisher, "a", ["x", "y"], **options)
        consumer_.turn_until(lambda: len(consumer_.received) == 2)
        assert broker.hlen("ours:unacked") == broker.zcard("ours:unacked_index") == 2
        consumer_.received[0].ack()
        consumer_.turn_until(lambda: broker.hlen("ours:unacked") == 1)
        consumer_.received[1].requeue()
        consumer_.turn_until(lambda: len(consumer_.received) == 3)
    assert broker.llen("ours:a") == 1
    assert [key for key in broker.scan_iter() if not key.startswith(b"ours:")] == []


@pytest.mark.parametrize("transport", ["stock", "fast"])
def test_flower_sees_what_waits(broker_url: str, transport: str) -> None:
    publish(broker_url, transport, "a", range(7), priority=3, **STEPS)
    with Looped(broker_url, transport, prefetch=2, **STEPS) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        queues = asyncio.run(Broker(broker_url, broker_options=STEPS).queues(["a"]))
        assert queues == [{"name": "a", "messages": 5}]


@pytest.mark.parametrize(("publisher", "consumer"), [*PAIRS, ("stock", "stock")])
def test_simple_queues_work_without_an_event_loop(broker_url: str, publisher: str, consumer: str) -> None:
    with connect(broker_url, consumer) as taking, connect(broker_url, publisher) as giving:
        with taking.SimpleQueue("simple", no_ack=True) as inbox, giving.SimpleQueue("simple") as outbox:
            outbox.put("x")
            assert inbox.get(timeout=5).payload == "x"
        with taking.SimpleQueue("got") as inbox, giving.SimpleQueue("got") as outbox:
            outbox.put("y")
            message = inbox.get_nowait()
            assert message.payload == "y"
            message.ack()


def test_without_acks_nothing_is_kept(broker_url: str, broker: redis.Redis) -> None:
    with connect(broker_url, "fast") as connection, connection.SimpleQueue("a", no_ack=True) as queue:
        queue.put("x")
        assert queue.get(timeout=5).payload == "x"
        queue.put("y")
        assert queue.get_nowait().payload == "y"
        assert not broker.exists("unacked", "unacked_index", "a")


def test_a_channel_makes_its_client_once(broker_url: str) -> None:
    with connect(broker_url, "fast") as connection, connection.channel() as channel:
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is second
        channel._after_fork()
        with channel.conn_or_acquire() as another:
            assert another is not first
            assert another.ping()
