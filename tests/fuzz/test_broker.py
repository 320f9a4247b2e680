"""Whatever lies in the broker: the relay asks what is held, and the worker takes the next message."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from notifier.broker import Broker, BrokerError, queue_name
from tests.fuzz.records import nonsense

ID = uuid.UUID(int=7)
ALMOST = [
    '{"id": "------------------------------------"}',
    '{"id": "7"}',
    f'{{"id": "{"g" * 36}"}}',
    '{"id": null}',
    "",
]
messages = st.binary(max_size=60) | nonsense.map(json.dumps).map(str.encode) | st.sampled_from(ALMOST).map(str.encode)


@given(st.lists(messages, max_size=5), st.lists(messages, max_size=3))
def test_what_else_lies_there_hides_no_message(
    broker: Broker, broker_url: str, waiting: list[bytes], taken: list[bytes]
) -> None:
    with Redis.from_url(broker_url) as redis:
        redis.flushdb()
        broker.publish("email", {ID: 0})
        for each in waiting:
            redis.rpush(queue_name("email"), each)
        for number, each in enumerate(taken):
            redis.hset("unacked", str(number), each)
    assert broker.held("email") == {ID}
    assert broker.depth("email") == 1 + len(waiting)


def test_a_key_of_another_kind_is_named(broker: Broker, broker_url: str) -> None:
    with Redis.from_url(broker_url) as redis:
        redis.set(queue_name("email"), "text")
    with pytest.raises(BrokerError, match="WRONGTYPE"):
        broker.held("email")
    with pytest.raises(BrokerError):
        broker.publish("email", {ID: 0})
