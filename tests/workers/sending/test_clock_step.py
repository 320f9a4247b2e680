"""The clock of Redis is set back, as by a failover to a host that is behind: the rate goes on at once."""

import time
from collections.abc import Callable, Iterator

import pytest
import redis

from notifier.lanes import Lane
from workers.sending.bucket import TokenBucket

RATE = 200.0
KEY = "notifier:rate:email"
STEPS = [5.0, 3_600.0]

Made = Callable[[], TokenBucket]


@pytest.fixture(params=[False, True], ids=["one bucket", "lanes"])
def make(broker_url: str, request: pytest.FixtureRequest) -> Iterator[Made]:
    made: list[TokenBucket] = []

    def make() -> TokenBucket:
        made.append(TokenBucket(broker_url, "email", lambda: RATE, headroom=0.0, lanes=request.param))
        return made[-1]

    yield make
    for each in made:
        each.close()


def set_back(broker_url: str, seconds: float) -> None:
    """Have the clock of Redis be behind all that it has written: move that, as the clock cannot be moved."""
    with redis.Redis.from_url(broker_url, decode_responses=True) as client:
        for field, moment in client.hgetall(KEY).items():
            if field not in {"factor", "ahead"}:
                client.hset(KEY, field, repr(float(moment) + seconds))
        for worker, moment in client.zrange(f"{KEY}:workers", 0, -1, withscores=True):
            client.zadd(f"{KEY}:workers", {worker: moment + seconds})


def taken(*buckets: TokenBucket, seconds: float) -> int:
    """Have these ask for tokens all the time, for so many seconds."""
    found, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        found += sum(each.take(10).tokens for each in buckets)
        time.sleep(0.002)
    return found


@pytest.mark.parametrize("step", STEPS)
def test_the_rate_goes_on_at_once_and_no_faster(make: Made, broker_url: str, step: float) -> None:
    first, second, new = make(), make(), make()
    began = time.monotonic()
    taken(first, second, seconds=1.5)  # also what is granted ahead
    found = 0
    for _ in range(2):
        set_back(broker_url, step)
        found += taken(first, second, new, seconds=0.7)
    assert found > 1.4 * RATE * 0.85
    assert found < (time.monotonic() - began) * RATE - 1.5 * RATE + 0.15 * RATE


@pytest.mark.parametrize("step", STEPS)
def test_a_slow_down_still_holds_and_recovers(make: Made, broker_url: str, step: float) -> None:
    bucket = make()
    bucket.slow_down()
    set_back(broker_url, step)
    grant = bucket.take(1)
    assert grant.tokens == 0
    assert 0.5 < grant.seconds < 2.1
    assert bucket.now == pytest.approx(0.7 * RATE, abs=0.02 * RATE)
    with redis.Redis.from_url(broker_url, decode_responses=True) as client:
        client.hincrbyfloat(KEY, "ahead", 1.1)  # 1.1 s pass
    bucket.slow_down()
    bucket.take(1)
    assert bucket.now == pytest.approx(0.7 * 0.72 * RATE, abs=0.02 * RATE)


def test_what_was_spent_ahead_stays_spent(make: Made, broker_url: str) -> None:
    bucket = make()
    bucket.spend(400, Lane.LOW)
    set_back(broker_url, 3_600.0)
    assert bucket.take(1, Lane.LOW).tokens == 0
    assert 1.0 < bucket.take(1, Lane.LOW).seconds < 2.1


def test_workers_that_have_ended_are_forgotten_after_a_minute_all_the_same(make: Made, broker_url: str) -> None:
    gone, bucket = make(), make()
    assert (gone.take(1).tokens, bucket.take(1).tokens) == (1, 1)
    set_back(broker_url, 3_600.0)
    bucket.take(1)
    with redis.Redis.from_url(broker_url, decode_responses=True) as client:
        client.hincrbyfloat(KEY, "ahead", 61.0)  # a minute passes
    bucket.take(1)
    assert bucket._local.workers == 1
