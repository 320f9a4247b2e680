"""The scripts that take messages and give them back, on real Redis."""

import json
from collections import Counter
from typing import Any

import pytest
import redis

from celery_units.redis import give_back, reserve
from celery_units.redis.reserve import QueueList, decode

UNACKED = ("unacked", "unacked_index")


def message(tag: str = "t", **more: Any) -> str:
    return json.dumps({"body": "", "properties": {"delivery_tag": tag}} | more)


def queue_list(key: str, *, keep: bool = True) -> QueueList:
    return QueueList(key, key, f"{key}:calls", keep)


def take(
    broker: redis.Redis, keys: str, want: int, *, width: int = 0, fair: bool = True, acks: list[str] | None = None
) -> list[tuple[str, bytes]]:
    lists = [queue_list(key) for key in keys]
    arguments = reserve.command(UNACKED, lists, want=want, width=width or len(keys), fair=fair, acks=acks or [])
    reply = broker.execute_command(*arguments)
    return [(each.key, text) for each, taken in reserve.messages(reply, lists) for text in taken]


def moment(broker: redis.Redis) -> float:
    seconds, microseconds = broker.time()
    return float(seconds + microseconds / 1_000_000)


def fill(broker: redis.Redis, **depths: int) -> None:
    for key, depth in depths.items():
        broker.lpush(key, *(message(f"{key}{number}") for number in range(depth)))


def test_the_oldest_come_first_and_are_kept(broker: redis.Redis) -> None:
    fill(broker, a=5)
    assert [json.loads(text)["properties"]["delivery_tag"] for _, text in take(broker, "a", 3)] == ["a0", "a1", "a2"]
    assert broker.llen("a") == 2
    assert set(broker.hkeys("unacked")) == {b"a0", b"a1", b"a2"}
    assert broker.zrange("unacked_index", 0, -1) == [b"a0", b"a1", b"a2"]


def test_taken_at_the_time_of_redis(broker: redis.Redis) -> None:
    fill(broker, a=2)
    before = moment(broker)
    take(broker, "a", 2)
    first, second = [score for _, score in broker.zrange("unacked_index", 0, -1, withscores=True)]
    assert before <= first == second <= moment(broker)


def test_a_request_with_a_name_notes_when_it_reserved_something(broker: redis.Redis) -> None:
    fill(broker, a=1)
    for name in ("first", "second"):
        some = [queue_list("a")]
        command = reserve.command(UNACKED, some, want=1, width=1, fair=True, acks=[], note="note", name=name)
        broker.execute_command(*command)
    name, noted = broker.get("note").decode().split()
    assert (name, float(noted)) == ("first", broker.zscore("unacked_index", "a0"))
    assert broker.ttl("note") > 0


def test_as_many_as_there_are(broker: redis.Redis) -> None:
    fill(broker, a=3)
    assert len(take(broker, "a", 500)) == 3
    assert take(broker, "a", 500) == []
    assert take(broker, "a", 0) == []


def test_five_hundred_at_once(broker: redis.Redis) -> None:
    fill(broker, a=800)
    assert len(take(broker, "a", 500)) == broker.hlen("unacked") == broker.zcard("unacked_index") == 500


@pytest.mark.parametrize(
    ("depths", "want", "shares"),
    [
        ({"a": 100, "b": 100, "c": 100}, 30, {"a": 10, "b": 10, "c": 10}),
        ({"a": 2, "b": 100, "c": 100}, 30, {"a": 2, "b": 14, "c": 14}),
        ({"a": 100, "b": 0, "c": 2}, 30, {"a": 28, "c": 2}),
        ({"a": 100, "b": 100, "c": 100}, 1, {"a": 1}),
        ({"a": 5, "b": 5, "c": 5}, 500, {"a": 5, "b": 5, "c": 5}),
    ],
)
def test_queues_share(broker: redis.Redis, depths: dict[str, int], want: int, shares: dict[str, int]) -> None:
    fill(broker, **{key: depth for key, depth in depths.items() if depth})
    assert Counter(key for key, _ in take(broker, "abc", want)) == shares


def test_queues_that_have_an_order_do_not_share(broker: redis.Redis) -> None:
    fill(broker, a=20, b=20)
    assert Counter(key for key, _ in take(broker, "ab", 30, fair=False)) == {"a": 20, "b": 10}


def test_a_step_of_priority_comes_before_the_next(broker: redis.Redis) -> None:
    fill(broker, a=3, b=3, c=50, d=50)
    assert Counter(key for key, _ in take(broker, "abcd", 20, width=2)) == {"a": 3, "b": 3, "c": 7, "d": 7}


def test_a_request_carries_acks(broker: redis.Redis) -> None:
    fill(broker, a=3_500)
    for _ in range(7):
        take(broker, "a", 500)
    assert broker.hlen("unacked") == 3_500
    assert take(broker, "a", 10, acks=[f"a{number}" for number in range(3_499)]) == []
    assert broker.hkeys("unacked") == broker.zrange("unacked_index", 0, -1) == [b"a3499"]


@pytest.mark.parametrize(
    "text",
    [
        message("tag"),
        message("tag").replace(" ", ""),
        message("tag", body=json.dumps({"delivery_tag": "decoy"})),
        json.dumps({"headers": {"delivery_tag": "decoy"}, "body": "", "properties": {"delivery_tag": "tag"}}),
        json.dumps({"body": "", "properties": {"delivery_tag": "tag", "x": {"delivery_tag": "decoy"}}}),
        message("tag").replace('"delivery_tag"', '"delivery_tag"  '),
        message("tag", headers={"ü": "\ud83d\ude00"}),
    ],
)
def test_the_tag_is_the_one_that_kombu_reads(broker: redis.Redis, text: str) -> None:
    broker.lpush("a", text)
    assert take(broker, "a", 1) == [("a", text.encode())]
    assert broker.hgetall("unacked") == {b"tag": f'[{text}, "", "a"]'.encode()}
    assert broker.zrange("unacked_index", 0, -1) == [b"tag"]


def test_a_tag_with_an_escape_in_it(broker: redis.Redis) -> None:
    broker.lpush("a", message('"t"\\'))
    take(broker, "a", 1)
    assert broker.hkeys("unacked") == [b'"t"\\']


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", "{}", '{"properties": 1}', '{"properties": {}}'])
def test_what_cannot_be_decoded_is_not_kept(broker: redis.Redis, text: str) -> None:
    broker.lpush("a", text, message("t"))
    assert [found for _, found in take(broker, "a", 5)] == [text.encode(), message("t").encode()]
    assert broker.hkeys("unacked") == [b"t"]


def test_what_needs_no_ack_is_not_kept(broker: redis.Redis) -> None:
    fill(broker, a=1)
    free = [queue_list("a", keep=False)]
    reply = broker.execute_command(*reserve.command(UNACKED, free, want=5, width=1, fair=True, acks=[]))
    assert [len(taken) for _, taken in reserve.messages(reply, free)] == [1]
    assert not broker.exists("unacked", "unacked_index")


def test_what_may_be_left_wakes_one_worker_that_lost_the_race(broker: redis.Redis) -> None:
    fill(broker, a=5)
    take(broker, "ab", 2)
    take(broker, "ab", 2)
    assert broker.llen("a:calls") == 1
    assert broker.llen("b:calls") == 0
    assert 0 < broker.pttl("a:calls") <= 2_000


@pytest.mark.parametrize(("spare", "woken"), [(0, "ab"), (4, "ab"), (5, "b"), (6, "b"), (7, "")])
def test_who_empties_lists_wakes_another_worker_only_for_more_messages_than_it_can_spare(
    broker: redis.Redis, spare: int, woken: str
) -> None:
    fill(broker, a=5, b=2)
    lists = [queue_list("a"), queue_list("b")]
    broker.execute_command(*reserve.command(UNACKED, lists, want=16, width=2, fair=True, acks=[], spare=spare))
    assert [name for name in "ab" if broker.llen(f"{name}:calls")] == list(woken)
    assert broker.hlen("unacked") == 7


def give(broker: redis.Redis, tags: str, *, latest: float | None = None, last: bool = False) -> None:
    entries = {tag: broker.hget("unacked", tag) for tag in tags}
    arguments = give_back.command(UNACKED, entries, lambda *_: ["a"], latest=latest, last=last)
    broker.execute_command(*arguments)


def keep(broker: redis.Redis, tags: str, taken: float = 10.0) -> None:
    for tag in tags:
        broker.hset("unacked", tag, f'[{message(tag, headers={})}, "", "a"]')
        broker.zadd("unacked_index", {tag: taken})


def waiting(broker: redis.Redis) -> str:
    """The tags in the order in which they will be taken."""
    return "".join(json.loads(text)["properties"]["delivery_tag"] for text in reversed(broker.lrange("a", 0, -1)))


@pytest.mark.parametrize(("last", "order"), [(False, "yxw"), (True, "wxy")])
def test_given_back_before_those_that_wait_or_behind(broker: redis.Redis, last: bool, order: str) -> None:
    broker.lpush("a", message("w"))
    keep(broker, "xy")
    give(broker, "xy", last=last)
    assert waiting(broker) == order
    assert not broker.exists("unacked", "unacked_index")


def test_given_back_once_though_two_processes_try(broker: redis.Redis) -> None:
    keep(broker, "x")
    entries = {"x": broker.hget("unacked", "x")}
    for _ in range(2):
        broker.execute_command(*give_back.command(UNACKED, entries, lambda *_: ["a"], latest=None, last=False))
    assert waiting(broker) == "x"


def test_a_message_may_go_to_several_lists(broker: redis.Redis) -> None:
    keep(broker, "x")
    entries = {"x": broker.hget("unacked", "x")}
    broker.execute_command(*give_back.command(UNACKED, entries, lambda *_: ["a", "b"], latest=None, last=False))
    assert broker.llen("a") == broker.llen("b") == 1


def test_what_another_worker_has_taken_since_is_not_given_back(broker: redis.Redis) -> None:
    keep(broker, "xy", taken=10.0)
    keep(broker, "y", taken=20.0)
    give(broker, "xy", latest=15.0)
    assert waiting(broker) == "x"
    assert broker.hkeys("unacked") == [b"y"]


@pytest.mark.parametrize("entry", [None, b"no JSON", b"[]", b"[{}]", b'["text", "", "a"]'])
def test_an_entry_that_cannot_be_read_is_removed(broker: redis.Redis, entry: bytes | None) -> None:
    if entry is not None:
        broker.hset("unacked", "x", entry)
    broker.zadd("unacked_index", {"x": 10.0})
    give(broker, "x")
    assert not broker.exists("unacked", "unacked_index", "a")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, "x"]}', {"a": [1, "x"]}),
        (b'{"a": NaN}', "nan"),
        (b'{"a": {"__type__": "bytes", "__value__": "x"}}', {"a": b"x"}),
    ],
)
def test_decoded_as_kombu_does(text: bytes, value: Any) -> None:
    found = decode(text)
    assert str(found["a"]) == "nan" if value == "nan" else found == value
