"""A channel in an event loop, as in a worker: how it requests, waits, hands out and acknowledges."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from kombu.asynchronous import Hub
from kombu.message import Message

from celery_units.redis import channel, qos, waiter
from tests.celery_units.redis.consumer import Looped, connect, publish
from tests.waiting import wait_until

NEVER = {"polling_interval": 60}
"""No test waits so long: what it expects comes without this timer, or the test fails."""


def calls(broker: redis.Redis, command: str) -> int:
    return int(broker.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


def blocked(broker: redis.Redis, command: str) -> int:
    return sum(each["cmd"] == command and "b" in each["flags"] for each in broker.client_list())


@pytest.fixture
def one_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each message took long to be handled."""
    monkeypatch.setattr(channel, "TURN_SECONDS", -1)


def acknowledging(hub: Hub, seen: list[Any]) -> Callable[[Message], None]:
    """As Celery's worker does it: in the loop's next turn."""

    def handle(message: Message) -> None:
        seen.append(message.payload)
        hub.call_soon(message.ack)

    return handle


def test_many_messages_take_few_requests(hub: Hub, broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(1_000))
    seen: list[int] = []
    with Looped(broker_url, "fast", prefetch=100, hub=hub, on_message=acknowledging(hub, seen)) as consumer:
        before = calls(broker, "eval")
        consumer.turn_until(lambda: len(seen) == 1_000)
        assert calls(broker, "eval") - before < 100
        consumer.turn_until(lambda: not broker.exists("unacked"))
    assert seen == list(range(1_000))


def test_a_request_for_few_messages_is_put_off(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qos, "ACK_SECONDS", 3_600)
    monkeypatch.setattr(channel, "PATIENCE_SECONDS", 3_600)
    publish(broker_url, "fast", "a", range(400))
    with Looped(broker_url, "fast", prefetch=100) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 100)
        for message in consumer.received[:49]:
            message.ack()
        consumer.turn(10)
        assert len(consumer.received) == 100
        consumer.received[49].ack()
        consumer.turn_until(lambda: len(consumer.received) == 150)


def test_never_more_than_the_prefetch_count(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(50))
    with Looped(broker_url, "fast", prefetch=7) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 7)
        consumer.turn(5)
        assert broker.hlen("unacked") == len(consumer.received) == 7


def test_messages_that_are_set_aside_of_all_tasks_take_no_room(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(50))
    with Looped(broker_url, "fast", prefetch=7) as consumer:
        consumer.channel.qos.set_aside("one", 2)
        consumer.channel.qos.set_aside("other", 1)
        consumer.turn_until(lambda: len(consumer.received) == 10)
        consumer.channel.qos.set_aside("one", 50)
        consumer.turn_until(lambda: len(consumer.received) == 14)
        consumer.turn(5)
        assert broker.hlen("unacked") == 14


def test_without_a_prefetch_count_all_come(broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(1_200))
    with Looped(broker_url, "fast", prefetch=0) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 1_200)


def test_an_ack_waits_a_moment_only(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(3))
    with Looped(broker_url, "fast", **NEVER) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        consumer.received[0].ack()
        assert broker.hlen("unacked") == 3
        consumer.turn_until(lambda: broker.hlen("unacked") == broker.zcard("unacked_index") == 2)


def test_an_ack_after_the_last_consumer_was_cancelled(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(3))
    with Looped(broker_url, "fast", **NEVER) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 3)
        consumer.consumer.cancel()
        consumer.received[0].ack()
        consumer.turn_until(lambda: broker.hlen("unacked") == 2)


def test_an_ack_of_another_thread_is_sent_at_once(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(64))
    with Looped(broker_url, "fast", prefetch=64) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 64)
        threads = [threading.Thread(target=message.ack) for message in consumer.received]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not broker.exists("unacked")


def test_a_burst_of_acks_is_one_command(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(500))
    with Looped(broker_url, "fast", prefetch=500) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 500)
        before = broker.info("stats")["total_commands_processed"]
        for message in consumer.received:
            message.ack()
        consumer.turn_until(lambda: not broker.exists("unacked"))
        assert broker.info("stats")["total_commands_processed"] - before < 100


def test_closing_sends_the_acks_and_gives_back_the_rest(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(5))
    with Looped(broker_url, "fast", **NEVER) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 5)
        for message in consumer.received[:3]:
            message.ack()
    assert broker.llen("a") == 2
    assert not broker.exists("unacked", "unacked_index")


def test_an_ack_after_the_close_is_sent_at_once(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(2))
    with Looped(broker_url, "fast") as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        consumer.channel.do_restore = False
    assert broker.hlen("unacked") == 2
    consumer.received[0].ack()
    assert broker.hlen("unacked") == 1


def test_what_has_not_been_handed_out_is_given_back_too(
    broker_url: str, broker: redis.Redis, one_a_turn: None
) -> None:
    publish(broker_url, "fast", "a", range(5))
    with Looped(broker_url, "fast") as consumer:
        consumer.turn_until(lambda: consumer.received)
        assert broker.hlen("unacked") == 5
        assert len(consumer.received) < 5
    assert broker.llen("a") == 5
    assert not broker.exists("unacked")


def test_a_message_that_returns_at_once_is_held_again(broker_url: str, broker: redis.Redis, one_a_turn: None) -> None:
    publish(broker_url, "fast", "a", range(2))
    with Looped(broker_url, "fast") as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 2)
        for message in consumer.received:
            message.requeue()
        consumer.turn_until(lambda: len(consumer.received) == 3)
    assert broker.llen("a") == 2
    assert not broker.exists("unacked")


def test_a_message_that_was_got_and_given_back_is_held_again(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", ["x"])
    with connect(broker_url, "fast") as connection:
        found = connection.default_channel
        found.basic_get("a").requeue()
        assert found.basic_get("a")
    assert broker.llen("a") == 1
    assert not broker.exists("unacked")


def test_a_cancelled_queue_gets_back_what_was_not_handed_out(
    broker_url: str, broker: redis.Redis, one_a_turn: None
) -> None:
    publish(broker_url, "fast", "a", range(5))
    publish(broker_url, "fast", "b", range(5))
    with Looped(broker_url, "fast", ["a", "b"], **NEVER) as consumer:
        consumer.turn_until(lambda: consumer.received)
        consumer.consumer.cancel_by_queue("a")
        consumer.turn_until(lambda: consumer.bodies.count(4) == 1)
        assert broker.llen("a") == 5 - Counter(m.delivery_info["routing_key"] for m in consumer.received)["a"]
        publish(broker_url, "fast", "b", range(2))  # there is room for them again
        for message in consumer.received:
            message.ack()
        before = len(consumer.received)
        consumer.turn_until(lambda: len(consumer.received) == before + 2)


def test_the_last_cancelled_queue_gets_back_what_was_not_handed_out(
    broker_url: str, broker: redis.Redis, one_a_turn: None
) -> None:
    publish(broker_url, "fast", "a", range(5))
    with Looped(broker_url, "fast") as consumer:
        consumer.turn_until(lambda: consumer.received)
        consumer.consumer.cancel()
        assert len(consumer.received) + broker.llen("a") == 5
        assert broker.hlen("unacked") == len(consumer.received)


def test_a_slow_handler_keeps_no_ack_waiting(
    hub: Hub, broker_url: str, broker: redis.Redis, one_a_turn: None
) -> None:
    publish(broker_url, "fast", "a", range(5))
    kept = []

    def handle(message: Message) -> None:
        kept.append(broker.hlen("unacked"))
        hub.call_soon(message.ack)

    with Looped(broker_url, "fast", on_message=handle, hub=hub) as consumer:
        consumer.turn_until(lambda: len(kept) == 5)
    assert kept == [5, 4, 3, 2, 1]


def test_a_handler_that_breaks_costs_no_message(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "fast", "a", range(5))

    def handle(message: Message) -> None:
        raise RuntimeError("broken")

    with Looped(broker_url, "fast", on_message=handle) as consumer, pytest.raises(RuntimeError, match="broken"):
        consumer.turn(100)
    assert broker.llen("a") == 5
    assert not broker.exists("unacked")


@pytest.mark.parametrize("queues", [["a"], ["b", "a", "c"]])
@pytest.mark.parametrize("messages", [[b"x"], [b"x", b"y", b"z"]])
def test_waiting_takes_nothing_away(
    broker_url: str, broker: redis.Redis, queues: list[str], messages: list[bytes]
) -> None:
    with Looped(broker_url, "fast", queues, **NEVER) as consumer:
        consumer.turn_until(lambda: blocked(broker, "blmove") == len(queues))
        with broker.pipeline() as together:
            together.lpush("a", *messages).pexpire("a", 60_000).execute()
        wait_until(lambda: blocked(broker, "blmove") == len(queues) - 1)  # one returned; no request was sent
        assert broker.lrange("a", 0, -1) == messages[::-1]
        assert broker.pttl("a") > 0


@pytest.mark.parametrize("queue", ["a", "b", "c"])
@pytest.mark.parametrize("priority", [0, 9])
def test_a_message_on_any_list_ends_the_wait(broker_url: str, broker: redis.Redis, queue: str, priority: int) -> None:
    options = NEVER | {"priority_steps": [0, 9]}
    with Looped(broker_url, "fast", ["a", "b", "c"], **options) as consumer:
        for number in range(3):
            consumer.turn_until(lambda: blocked(broker, "blmove") + blocked(broker, "brpop") == 6)
            publish(broker_url, "stock", queue, [number], priority=priority, **options)
            consumer.turn_until(lambda number=number: len(consumer.received) == number + 1)


def test_few_of_many_idle_workers_wake_for_a_message(hub: Hub, broker_url: str, broker: redis.Redis) -> None:
    messages = 40
    workers = [Looped(broker_url, "fast", prefetch=100, hub=hub, **NEVER) for _ in range(16)]
    workers[0].turn_until(lambda: blocked(broker, "blmove") == 16)
    before = calls(broker, "eval")
    for number in range(1, messages + 1):
        publish(broker_url, "fast", "a", [number])
        workers[0].turn_until(lambda number=number: sum(len(each.received) for each in workers) == number)
    assert calls(broker, "eval") - before < 250  # 400 without the wake-up lists
    for each in workers:
        each.connection.release()


def test_of_two_workers_without_work_one_goes_on_alone(
    hub: Hub, broker_url: str, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def received() -> int:
        return sum(len(each.received) for each in workers)

    monkeypatch.setattr(waiter, "LOSER_SECONDS", 60)
    workers = [Looped(broker_url, "fast", hub=hub, **NEVER) for _ in range(2)]
    for each in workers:
        each.channel.kept.spare = lambda: 1
    workers[0].turn_until(lambda: blocked(broker, "blmove") == 2)
    for number in range(1, 11):
        publish(broker_url, "fast", "a", [number])
        workers[0].turn_until(lambda number=number: received() == number)
        for each in workers:
            if each.received:
                each.received[-1].ack()
        workers[0].turn_until(lambda: blocked(broker, "blmove") >= 1)
    assert sorted(len(each.received) for each in workers) == [0, 10]
    for each in workers:
        each.connection.release()


def test_a_connection_is_added_to_the_event_loop_once(broker_url: str) -> None:
    with Looped(broker_url, "fast", **NEVER) as consumer:
        consumer.turn(5)
        added: list[int] = []
        add = consumer.hub.add
        consumer.hub.add = lambda fd, *more: (added.append(fd), add(fd, *more))  # type: ignore[method-assign]
        consumer.turn(5)
        assert not added
        consumer.channel.client.connection.disconnect()
        publish(broker_url, "fast", "a", [1])
        consumer.turn_until(lambda: consumer.received)


def test_a_worker_that_lost_the_race_gets_the_next_message(hub: Hub, broker_url: str, broker: redis.Redis) -> None:
    """Two wait and one loses the race; the other can take no more, so the next message is for the loser."""
    workers = [Looped(broker_url, "fast", prefetch=1, hub=hub, **NEVER) for _ in range(2)]
    workers[0].turn_until(lambda: blocked(broker, "blmove") == 2)
    for number in range(1, 3):
        publish(broker_url, "fast", "a", [number])
        workers[0].turn_until(lambda number=number: sum(len(each.received) for each in workers) == number)
    assert [len(each.received) for each in workers] == [1, 1]
    for each in workers:
        each.connection.release()


def test_the_last_place_is_used_while_others_take_long(broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(9))
    with Looped(broker_url, "fast", prefetch=10, **NEVER) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 9)
        consumer.turn_until(lambda: consumer.channel.is_waiting)
        publish(broker_url, "fast", "a", ["last"])
        consumer.turn_until(lambda: len(consumer.received) == 10)


def test_each_place_that_becomes_free_is_used(broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(20))
    with Looped(broker_url, "fast", prefetch=10, **NEVER) as consumer:
        for number in range(10):
            consumer.turn_until(lambda number=number: len(consumer.received) == 10 + number)
            consumer.received[number].ack()
        consumer.turn_until(lambda: len(consumer.received) == 20)


def test_a_higher_prefetch_count_is_used(broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(11))
    with Looped(broker_url, "fast", prefetch=10, **NEVER) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 10)
        consumer.consumer.qos(prefetch_count=11)
        consumer.turn_until(lambda: len(consumer.received) == 11)


def test_two_queues_share_a_request(broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(50))
    publish(broker_url, "fast", "b", range(50))
    with Looped(broker_url, "fast", ["a", "b"]) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 10)
        assert Counter(m.delivery_info["routing_key"] for m in consumer.received) == {"a": 5, "b": 5}


def test_two_queues_take_turns_where_one_message_is_requested(hub: Hub, broker_url: str) -> None:
    publish(broker_url, "fast", "a", range(50))
    publish(broker_url, "fast", "b", range(50))
    seen = []

    def handle(message: Message) -> None:
        seen.append(message.delivery_info["routing_key"])
        hub.call_soon(message.ack)

    with Looped(broker_url, "fast", ["a", "b"], prefetch=1, on_message=handle, hub=hub) as consumer:
        consumer.turn_until(lambda: len(seen) >= 10)
    assert Counter(seen[:10]) == {"a": 5, "b": 5}


def test_what_cannot_be_decoded_is_dropped_and_logged(
    broker_url: str, broker: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    odd = (f'{{"body": "", "properties": {{"delivery_tag": {tag}}}}}' for tag in ("[]", r'"\ud83d"'))
    broker.lpush("a", "no JSON of ana@example.com", '{"delivery_tag": "x", "torn', "{}", *odd)
    publish(broker_url, "stock", "a", ["x"])
    with Looped(broker_url, "fast", prefetch=2) as consumer:
        consumer.turn_until(lambda: consumer.received)
        assert [record.levelname for record in caplog.records] == ["CRITICAL"] * 5
        named = [record.getMessage().rpartition(": ")[2] for record in caplog.records]
        assert named[:3] == ["tag None, 26 bytes", "tag 'x', 27 bytes", "tag None, 2 bytes"]
        assert "ana@example.com" not in caplog.text
        consumer.turn_until(lambda: broker.hlen("unacked") == 1)


@pytest.fixture
def full_broker(broker: redis.Redis) -> Iterator[Callable[[], None]]:
    """Fills the broker when called: it refuses what needs memory."""
    yield lambda: broker.config_set("maxmemory", 1)
    broker.config_set("maxmemory", 0)


def test_a_full_broker_is_emptied(
    hub: Hub, broker_url: str, broker: redis.Redis, full_broker: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    publish(broker_url, "fast", "a", range(20))
    seen = []
    with Looped(broker_url, "fast", hub=hub, on_message=acknowledging(hub, seen)) as consumer:
        full_broker()
        consumer.turn_until(lambda: len(seen) == 20)
        consumer.turn_until(lambda: not broker.exists("unacked"))
        consumer.turn_until(lambda: caplog.records)
        assert "Redis refuses to wait for messages" in caplog.text
        broker.config_set("maxmemory", 0)
        publish(broker_url, "fast", "a", ["again"])
        consumer.turn_until(lambda: len(seen) == 21)
