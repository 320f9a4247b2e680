"""How several queues share one worker, on real Redis."""

from collections import Counter

import orjson
import pytest
import redis

from celery_units.redis import reserve
from celery_units.shares import QueueShares, turns
from tests.celery_units.app import Broker, new_ids
from tests.celery_units.redis.consumer import Looped, publish
from tests.celery_units.redis.test_reserve import UNACKED, fill, queue_list
from tests.waiting import wait_until

GROUPS = [
    {"queues": ["a"], "weight": 6, "most": 1.0},
    {"queues": ["b"], "weight": 3, "most": 0.75},
    {"queues": ["c"], "weight": 1, "most": 0.5},
]


def take(broker: redis.Redis, shares: QueueShares, want: int, limit: int = 0) -> Counter[str]:
    lists = [queue_list(key) for key in "abc"]
    argument = shares.argument([each.queue for each in lists], limit)
    command = reserve.command(UNACKED, lists, want=want, width=3, fair=True, acks=[], shares=argument)
    reply = broker.execute_command(*command)
    return Counter(origin.key for origin, taken in reserve.messages(reply, lists) for _ in taken)


@pytest.mark.parametrize(
    ("depths", "want", "expected"),
    [
        ({"a": 100, "b": 100, "c": 100}, 30, {"a": 18, "b": 9, "c": 3}),
        ({"a": 1, "b": 100, "c": 100}, 30, {"a": 1, "b": 22, "c": 7}),  # what one leaves the others share
        ({"c": 100}, 30, {"c": 30}),
        ({"a": 2, "c": 2}, 30, {"a": 2, "c": 2}),
        ({"b": 40}, 0, {}),
    ],
)
def test_queues_share_by_weight(
    broker: redis.Redis, depths: dict[str, int], want: int, expected: dict[str, int]
) -> None:
    fill(broker, **depths)
    assert take(broker, QueueShares(GROUPS), want) == expected
    assert broker.hlen("unacked") == broker.zcard("unacked_index") == sum(expected.values())


def test_one_at_a_time_they_share_all_the_same(broker: redis.Redis) -> None:
    """A message that cannot be divided goes to each in turn: the last one does not starve."""
    fill(broker, a=50, b=50, c=50)
    shares = QueueShares(GROUPS)
    assert sum((take(broker, shares, 1) for _ in range(30)), Counter()) == {"a": 18, "b": 9, "c": 3}


def test_turns_are_evenly_spread() -> None:
    assert turns([2, 1]) == [0, 1, 0]
    assert Counter(turns([6, 3, 1])) == {0: 6, 1: 3, 2: 1}
    assert turns([6, 3, 1]).index(2) in (4, 5)


def test_a_backlog_leaves_room_to_the_more_urgent(broker: redis.Redis) -> None:
    fill(broker, b=200, c=200)
    shares = QueueShares(GROUPS)
    assert take(broker, shares, 100, limit=100) == {"b": 57, "c": 18}  # of 75 places
    for number in range(57):
        shares.hold("b", [f"b{number}"])
    for number in range(18):
        shares.hold("c", [f"c{number}"])
    assert take(broker, shares, 25, limit=100) == {}
    assert not shares.has_room("b", 100)
    assert shares.has_room("a", 100)
    shares.release([*(f"b{number}" for number in range(8)), "unknown"])
    assert take(broker, shares, 25, limit=100) == {"b": 6, "c": 2}  # the last one does not starve


def test_a_list_that_cannot_be_read_does_not_stop_the_others(broker: redis.Redis) -> None:
    fill(broker, c=5)
    broker.set("a", "of another application")
    lists = [queue_list(key) for key in "abc"]
    argument = QueueShares(GROUPS).argument(["a", "b", "c"], 0)
    reply = broker.execute_command(
        *reserve.command(UNACKED, lists, want=10, width=3, fair=True, acks=[], shares=argument)
    )
    assert reserve.error_in(reply)
    assert [origin.key for origin, taken in reserve.messages(reply, lists) for _ in taken] == ["c"] * 5


def test_a_consumer_full_of_a_backlog_takes_an_urgent_message_at_once(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "stock", "c", range(100))
    with Looped(broker_url, "fast", ["a", "b", "c"], prefetch=20, queue_shares=GROUPS) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 10)  # half of the limit
        consumer.turn(20)
        before = broker.info("stats")["total_commands_processed"]
        consumer.turn(50)
        assert broker.info("stats")["total_commands_processed"] - before < 30  # it does not ask again and again
        assert len(consumer.received) == 10
        publish(broker_url, "stock", "a", ["urgent"])
        consumer.turn_until(lambda: "urgent" in consumer.bodies, seconds=1.0)
        for message in consumer.received[:4]:
            message.ack()
        consumer.turn_until(lambda: len(consumer.received) == 15)
    assert broker.llen("c") == 96
    assert broker.llen("a") == 1  # not acknowledged: it is given back


def test_a_full_group_does_not_change_the_shares_of_the_others(broker_url: str, broker: redis.Redis) -> None:
    """Also when kombu's order of the queues, which changes with each request, has its queue first."""
    with Looped(broker_url, "fast", ["a", "b", "c"], prefetch=100, queue_shares=GROUPS) as consumer:
        publish(broker_url, "stock", "c", range(60))
        consumer.turn_until(lambda: len(consumer.received) == 50)  # half of the limit
        for name in "ab":
            publish(broker_url, "stock", name, [name])
            consumer.turn_until(lambda name=name: name in consumer.bodies)
        assert consumer.channel._queue_cycle.items == ["c", "a", "b"]
        for name in "ab":
            publish(broker_url, "stock", name, [f"{name}{number}" for number in range(60)])
        consumer.turn_until(lambda: len(consumer.received) == 100)
        found = Counter(body[0] for body in consumer.bodies[50:] if isinstance(body, str))
        assert found["b"] > 10  # of 48 more, a third of what a and b have together


def test_a_request_that_only_acknowledges_uses_no_turn(broker_url: str, broker: redis.Redis) -> None:
    with Looped(broker_url, "fast", ["a", "b", "c"], queue_shares=GROUPS) as consumer:
        kept = consumer.channel.kept
        lists = kept.lists(["c", "a", "b"])
        assert [each.queue for each in lists] == ["a", "b", "c"]
        only_acks = [kept.request(lists, want=0, acks=["x"])[-4] for _ in range(10)]
        assert only_acks == [b""] * 10
        found = [orjson.loads(kept.request(lists, want=1, acks=[])[-4])["turn"] for _ in range(10)]
        assert Counter(found) == {1: 6, 2: 3, 3: 1}


def test_no_connection_waits_for_unawaited_queues_and_their_messages_come(
    broker_url: str, broker: redis.Redis
) -> None:
    with Looped(broker_url, "fast", ["a", "b", "c"], unawaited_queues=["a", "c"]) as consumer:
        consumer.turn_until(lambda: broker.info("clients")["blocked_clients"])
        consumer.turn(5)
        assert broker.info("clients")["blocked_clients"] == 1
        publish(broker_url, "stock", "c", ["left over"])
        consumer.turn_until(lambda: consumer.bodies == ["left over"], seconds=3.0)
    with Looped(broker_url, "fast", ["a", "c"], unawaited_queues=["a", "c"]) as consumer:
        consumer.turn_until(lambda: broker.info("clients")["blocked_clients"] == 2)


def test_messages_that_a_consumer_recovers_leave_their_share(broker_url: str, broker: redis.Redis) -> None:
    publish(broker_url, "stock", "c", range(10))
    with Looped(broker_url, "fast", ["a", "c"], prefetch=20, queue_shares=GROUPS) as consumer:
        consumer.turn_until(lambda: len(consumer.received) == 10)
        assert not consumer.channel.kept.has_room("c")
        consumer.consumer.recover(requeue=True)
        assert consumer.channel.kept.has_room("c")
        consumer.turn_until(lambda: len(consumer.received) == 20)


def test_what_a_killed_worker_held_returns_to_its_own_queue(broker_url: str, broker: redis.Redis) -> None:
    for name in "abc":
        publish(broker_url, "stock", name, [f"{name}{number}" for number in range(5)])
    options = {"queue_shares": GROUPS, "visibility_timeout": 1, "unacked_restore_interval": 1}
    with Looped(broker_url, "fast", ["a", "b", "c"], prefetch=100, **options) as dead:
        dead.turn_until(lambda: len(dead.received) == 15)
        dead.die()
    assert [broker.llen(name) for name in "abc"] == [0, 0, 0]

    def given_back() -> bool:
        with Looped(broker_url, "fast", ["elsewhere"], visibility_timeout=1) as other:
            other.channel.qos.restore_visible(num=500, interval=1)
        return [broker.llen(name) for name in "abc"] == [5, 5, 5]

    wait_until(given_back, seconds=10)
    assert broker.hlen("unacked") == 0


def test_a_pool_keeps_a_place_for_the_more_urgent(start, recorder, queue: Broker, fast: None, celery_app) -> None:
    celery_app.conf.broker_transport_options["queue_shares"] = GROUPS
    recorder.gate.clear()
    with start(queues=["a", "b", "c"], places=4, unit_size=1):
        queue.publish(*new_ids(20), queue="c")
        wait_until(lambda: len(recorder.units) == 2)
        urgent = new_ids(2)
        queue.publish(*urgent, queue="a")
        wait_until(lambda: len(recorder.units) == 4)
        assert {unit[0] for unit in recorder.units[2:]} == set(urgent)
        recorder.gate.set()
        wait_until(lambda: len(recorder.units) == 22)
