"""Connections that end, and half-open ones."""

import time
from contextlib import suppress
from typing import Any

import pytest
import redis
from kombu import Exchange, Queue

from celery_units.redis.timeouts import shorten_timeouts
from tests.celery_units.redis.consumer import Looped, publish
from tests.celery_units.redis.proxy import proxied
from tests.waiting import wait_until


@pytest.mark.parametrize(("transport", "kept"), [("fast", 1), ("stock", 0)])
def test_a_death_between_request_and_answer(broker_url: str, broker: redis.Redis, transport: str, kept: int) -> None:
    """Stock kombu loses the message: from BRPOP until the worker has read the answer Redis keeps it nowhere."""
    publish(broker_url, "stock", "a", ["x"])
    with Looped(broker_url, transport) as consumer:
        consumer.connection.transport.cycle.on_poll_start()
        wait_until(lambda: not broker.llen("a"))
        consumer.die()
        assert broker.hlen("unacked") == broker.zcard("unacked_index") == kept


@pytest.mark.parametrize("ends", [False, True])
def test_messages_of_a_lost_answer_are_given_back(broker_url: str, broker: redis.Redis, ends: bool) -> None:
    publish(broker_url, "stock", "a", range(5))
    with proxied(broker_url) as proxy:
        with Looped(proxy.url, "fast", polling_interval=60) as consumer:
            proxy.mute()
            consumer.connection.transport.cycle.on_poll_start()
            wait_until(lambda: broker.hlen("unacked") == 5)
            proxy.cut()
            if not ends:
                consumer.turn_until(lambda: len(consumer.received) == 5)
                assert all(message.headers["redelivered"] for message in consumer.received)
        assert broker.llen("a") == 5
        assert not broker.exists("unacked", "unacked_index")


def test_acks_whose_answer_is_lost_are_sent_again(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(3))
    with proxied(broker_url) as proxy, Looped(proxy.url, "fast", polling_interval=60) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        for number in range(2):
            consumer.turn_until(lambda: consumer.channel.is_waiting)
            proxy.freeze()
            consumer.received[number].ack()
            consumer.turn_until(lambda: consumer.channel._in_poll)
            proxy.cut()
            assert broker.hlen("unacked") == 3 - number
            consumer.turn_until(lambda number=number: broker.hlen("unacked") == 2 - number)
        assert not broker.exists("a")  # what is unacknowledged stays reserved


def test_acks_whose_answer_is_lost_are_sent_at_the_end(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(3))
    with proxied(broker_url) as proxy:
        with Looped(proxy.url, "fast", socket_timeout=0.2) as consumer:
            consumer.turn_until(lambda: len(consumer.received) == 3)
            consumer.turn_until(lambda: consumer.channel.is_waiting)
            proxy.freeze()
            consumer.received[0].ack()
            consumer.turn_until(lambda: consumer.channel._in_poll)
            proxy.cut()
        assert broker.llen("a") == 2
        assert not broker.exists("unacked")


def test_a_server_that_is_gone_is_a_connection_error(broker_url: str) -> None:
    """Celery then connects again."""
    with proxied(broker_url) as proxy, Looped(proxy.url, "fast") as consumer:
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        consumer.turn()
        proxy.close()
        with pytest.raises(redis.ConnectionError):
            consumer.turn(100)


def test_a_request_whose_answer_breaks_is_repeated(
    broker_url: str, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with Looped(broker_url, "fast", polling_interval=60) as consumer:
        consumer.turn_until(lambda: consumer.received)
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        parse, breaks = consumer.channel.client.parse_response, iter(["once"])

        def breaking(connection: Any, command: str, **options: Any) -> Any:
            if command == "EVAL" and next(breaks, None):
                raise redis.ConnectionError("broken")
            return parse(connection, command, **options)

        monkeypatch.setattr(consumer.channel.client, "parse_response", breaking)
        consumer.received[0].ack()
        consumer.turn_until(lambda: consumer.channel._is_broken)
        consumer.turn_until(lambda: not consumer.channel._is_broken)  # there was another answer


def test_a_server_that_breaks_each_answer_is_a_connection_error(
    broker_url: str, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise redis.ConnectionError("broken")

    with Looped(broker_url, "fast") as consumer:
        monkeypatch.setattr(consumer.channel.client, "parse_response", broken)
        with pytest.raises(redis.ConnectionError, match="broken"):
            consumer.turn(100)


def test_a_connection_that_is_half_open_is_replaced(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with (
        proxied(broker_url) as proxy,
        Looped(proxy.url, "fast", health_check_interval=1, socket_timeout=1) as consumer,
    ):
        consumer.turn_until(lambda: consumer.received)
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        proxy.freeze()
        consumer.received[0].ack()  # is lost, and sent again
        publish(broker_url, "fast", "a", ["y"])
        consumer.turn_until(lambda: len(consumer.received) == 2)
        consumer.received[1].ack()
        consumer.turn_until(lambda: not broker.exists("unacked"))


def test_a_dead_peer_does_not_hold_up_an_ack(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with proxied(broker_url) as proxy:
        with Looped(proxy.url, "fast", socket_timeout=0.2) as consumer:
            consumer.turn_until(lambda: consumer.received)
            consumer.turn_until(lambda: consumer.channel.is_waiting)
            proxy.freeze()
            consumer.received[0].ack()
            with pytest.raises(redis.TimeoutError):
                consumer.channel.qos.flush()
            proxy.cut()
        assert not broker.exists("unacked", "a")  # sent over the next connection


def connections(consumer: Looped) -> dict[str, str]:
    """The addresses, as Redis knows them, of the connection that sends requests and of the one that waits."""
    (waiter,) = consumer.channel._waiters._waiters.values()
    found = {}
    for name, client in (("requests", consumer.channel.client), ("waiting", waiter)):
        host, port = client.connection._sock.getsockname()
        found[name] = f"{host}:{port}"
    return found


def test_an_idle_connection_that_the_server_closes_is_replaced(broker_url: str, broker: redis.Redis) -> None:
    with Looped(broker_url, "fast", polling_interval=60) as consumer:
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        consumer.turn()
        broker.client_kill(connections(consumer)["requests"])
        consumer.turn(5)
        publish(broker_url, "fast", "a", ["x"])
        consumer.turn_until(lambda: consumer.received)


@pytest.mark.parametrize("which", ["requests", "waiting"])
def test_a_connection_that_breaks_costs_nothing(broker_url: str, broker: redis.Redis, which: str) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with Looped(broker_url, "fast", polling_interval=60) as consumer:
        consumer.turn_until(lambda: consumer.received)
        for number in range(2, 5):
            consumer.turn_until(lambda: consumer.channel.is_waiting)
            consumer.turn()
            broker.client_kill(connections(consumer)[which])
            publish(broker_url, "fast", "a", ["y"])
            consumer.turn_until(lambda number=number: len(consumer.received) == number)
        assert broker.hlen("unacked") == 4
        for message in consumer.received:
            assert "redelivered" not in message.headers
            message.ack()
        consumer.turn_until(lambda: not broker.exists("unacked"))


def test_a_waiter_with_old_credentials_connects_anew(broker_url: str) -> None:
    with Looped(broker_url, "fast", polling_interval=60) as consumer:
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        consumer.turn()
        before = connections(consumer)["waiting"]
        (waiter,) = consumer.channel._waiters._waiters.values()
        waiter.connection.set_re_auth_token(object())
        publish(broker_url, "fast", "a", ["x"])
        consumer.turn_until(lambda: consumer.received)
        waiter.connection.set_re_auth_token(None)
        consumer.turn_until(lambda: waiter.connection._sock)
        assert connections(consumer)["waiting"] != before
        publish(broker_url, "fast", "a", ["y"])
        consumer.turn_until(lambda: len(consumer.received) == 2)


def test_closing_while_redis_is_away_raises_nothing(
    broker_url: str, broker: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    publish(broker_url, "fast", "a", range(3))
    with proxied(broker_url) as proxy, Looped(proxy.url, "fast", socket_timeout=0.2) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        consumer.received[0].ack()
        proxy.close()
        consumer.channel.close()
    assert {record.levelname for record in caplog.records} <= {"WARNING"}  # as it happens
    assert broker.hlen("unacked") == 3


@pytest.mark.parametrize("shortened", [False, True], ids=["closed", "after the signal"])
@pytest.mark.parametrize("state", ["waiting", "asking", "some not handed out"])
def test_an_end_does_not_wait_long_for_a_redis_that_is_silent(
    broker_url: str, broker: redis.Redis, state: str, shortened: bool
) -> None:
    """With the timeout that a worker has. As Celery does: cancel the consumer, close the channel, then the rest."""
    publish(broker_url, "fast", "a", range(50))
    with proxied(broker_url) as proxy:
        consumer = Looped(
            proxy.url,
            "fast",
            prefetch=100,
            on_message=lambda _: time.sleep(0.011),
            socket_timeout=10,
            polling_interval=60,
        )
        consumer.turn_until(lambda: consumer.channel.reserved)
        if state != "some not handed out":
            consumer.turn_until(lambda: not consumer.channel.reserved)
        pidbox = consumer.connection.channel()
        Queue("commands", Exchange("commands", type="fanout"), auto_delete=True)(pidbox).declare()
        assert pidbox.client
        assert pidbox.auto_delete_queues == {"commands"}
        proxy.freeze(new=True)
        if state == "asking":
            consumer.channel.request_soon()
            consumer.channel._brpop_start()
            assert consumer.channel._in_poll
        if shortened:
            shorten_timeouts()
        began = time.monotonic()
        with suppress(*consumer.connection.connection_errors):
            consumer.consumer.cancel()
        if not shortened:
            began = time.monotonic()
        consumer.connection.release()
        assert time.monotonic() - began < 15.0  # three waits of 10 seconds without it
        consumer.hub.close()
    assert broker.hlen("unacked") == 50
