"""How the lanes of a channel share the rate of its provider. The clock is that of Redis, and nothing sleeps."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from notifier.lanes import Lane
from workers.sending.bucket import Grant, TokenBucket

RATE = 200.0


@pytest.fixture
def bucket(broker_url: str) -> Iterator[TokenBucket]:
    made = TokenBucket(broker_url, "email", lambda: RATE, headroom=0.0, lanes=True)
    yield made
    made.close()


def taken(bucket: TokenBucket, seconds: float, *lanes: Lane, batch: int = 10) -> Counter[Lane]:
    """Have each of these lanes ask for tokens all the time, for so many seconds."""
    found: Counter[Lane] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for lane in lanes:
            found[lane] += bucket.take(batch, lane).tokens
        time.sleep(0.002)
    return found


def test_a_backlog_of_low_is_never_in_front_of_high(bucket: TokenBucket) -> None:
    waits = []
    for _ in range(100):
        while bucket.take(10, Lane.LOW).tokens:
            pass
        grant = bucket.take(1, Lane.HIGH)
        assert grant.tokens == 1
        waits.append(grant.seconds)
        time.sleep(1 / 100)  # a hundred a second, of the 120 that are its share
    assert max(waits) < 0.02


def test_messages_of_high_that_come_together_do_not_wait_for_one_another(bucket: TokenBucket) -> None:
    for _ in range(10):
        taken(bucket, 0.2, Lane.LOW)
        grants = [bucket.take(10, Lane.HIGH) for _ in range(2)]  # twenty in 0.2 s, of the 24 that are its share
        assert tokens(grants) == 20
        assert max(each.seconds for each in grants) < 0.02


def test_without_shares_it_would_be(broker_url: str) -> None:
    """So that the test above can fail: a bucket without lanes is filled by the first that comes."""
    bucket = TokenBucket(broker_url, "email", lambda: RATE, headroom=0.0)
    while bucket.take(10, Lane.LOW).tokens:
        pass
    grant = bucket.take(1, Lane.HIGH)
    assert not grant.tokens or grant.seconds > 0.5
    bucket.close()


def test_one_lane_alone_has_the_whole_rate(bucket: TokenBucket) -> None:
    for lane in Lane:
        found = taken(bucket, 1.0, lane)[lane]
        assert 0.85 * RATE < found < 1.35 * RATE  # a second of it, and what is granted ahead


@pytest.mark.parametrize("lane", Lane)
def test_no_lane_has_the_rate_of_seconds_to_come(bucket: TokenBucket, lane: Lane) -> None:
    """What a lane holds for later counts as used now: once that has passed, others would have the rate beside it."""
    began = time.monotonic()
    grants = [bucket.take(10, lane) for _ in range(40)]
    assert 0.1 * RATE <= tokens(grants) < (0.2 + time.monotonic() - began) * RATE
    assert max(each.seconds for each in grants) <= 0.11


def test_lanes_that_all_want_more_have_their_shares_and_low_does_not_starve(bucket: TokenBucket) -> None:
    taken(bucket, 1.5, *Lane)  # what is granted ahead
    found = taken(bucket, 2.0, *Lane)
    assert sum(found.values()) < 2.0 * RATE * 1.15
    assert found[Lane.LOW] > 2.0 * RATE * 0.1 * 0.8
    assert found[Lane.NORMAL] > 2.0 * RATE * 0.3 * 0.8
    assert found[Lane.HIGH] > 2.0 * RATE * 0.6 * 0.8


def test_low_has_what_high_leaves(bucket: TokenBucket) -> None:
    found: Counter[Lane] = Counter()
    for _ in range(200):
        found[Lane.HIGH] += bucket.take(1, Lane.HIGH).tokens
        found[Lane.LOW] += bucket.take(10, Lane.LOW).tokens
        time.sleep(0.01)
    assert found[Lane.HIGH] == 200
    assert found[Lane.LOW] > 100


@pytest.mark.parametrize("lane", Lane)
def test_a_throttle_pauses_every_lane(bucket: TokenBucket, lane: Lane) -> None:
    bucket.slow_down()
    grant = bucket.take(1, lane)
    assert not grant.tokens or grant.seconds > 0.9


def test_a_redis_that_lost_its_data_grants_no_share_twice(bucket: TokenBucket, broker_url: str) -> None:
    began = time.monotonic()
    grants = [bucket.take(10, Lane.LOW) for _ in range(20)]
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    grants += [bucket.take(10, Lane.LOW) for _ in range(20)]
    once = 0.1 * RATE + 0.2 * RATE * 0.1  # what no lane has used lately, and what low left of its share
    assert once - 4 <= tokens(grants) <= (time.monotonic() - began) * RATE + once + 2


def tokens(grants: list[Grant]) -> int:
    return sum(each.tokens for each in grants)
