"""The rate of a channel, shared by all workers, on the clock of Redis. Sleeps are counted, not slept."""

import threading
import time
from collections.abc import Iterator

import pytest
import redis
from structlog.testing import capture_logs

from tests.waiting import wait_until
from workers.sending.bucket import TokenBucket


class Provider:
    """What an account allows, and how often it was asked."""

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.asked = 0

    def __call__(self) -> float | None:
        self.asked += 1
        if self.rate is not None and self.rate < 0:
            raise ConnectionError("no answer")
        return self.rate


@pytest.fixture
def buckets() -> Iterator[list[TokenBucket]]:
    made: list[TokenBucket] = []
    yield made
    for each in made:
        each.close()


@pytest.fixture
def make(broker_url: str, buckets: list[TokenBucket]) -> Iterator[object]:
    def make(rate: float | Provider | None = 100.0, url: str = broker_url, **options: object) -> TokenBucket:
        provider = rate if isinstance(rate, Provider) else Provider(rate)
        buckets.append(TokenBucket(url, "email", provider, headroom=0.0, **options))  # type: ignore[arg-type]
        return buckets[-1]

    return make


def test_all_workers_share_one_second_of_the_rate(make) -> None:
    first, second = make(100.0), make(100.0)
    began = time.monotonic()
    taken = [first.take(60), second.take(60), first.take(60)]
    last = second.take(10)
    passed = time.monotonic() - began
    assert 100 <= sum(each.tokens for each in taken) <= 105 + 100 * passed  # more have become free meanwhile
    assert taken[0].tokens == 60
    assert taken[0].seconds < 0.1
    assert 0.55 - passed < taken[1].seconds < 0.7  # its turn comes after the first one's
    assert last.tokens <= 5 + 100 * passed
    assert last.seconds > 0.8


def test_a_rate_below_one_a_second_gives_single_tokens(make) -> None:
    bucket = make(0.5)
    assert [bucket.take(500).tokens for _ in range(3)] == [1, 0, 0]


def test_no_limit_asks_redis_for_nothing(make, broker_url: str) -> None:
    bucket = make(None)
    assert bucket.take(500).tokens == 500
    with redis.Redis.from_url(broker_url) as client:
        before = client.info("stats")["total_commands_processed"]
        assert all(bucket.take(500).tokens == 500 for _ in range(50))
        assert client.info("stats")["total_commands_processed"] - before < 10


def test_the_provider_is_asked_once_for_all_workers(make) -> None:
    provider = Provider(100.0)
    for _ in range(3):
        make(provider).take(1)
    assert provider.asked == 1


def test_nothing_is_sent_before_the_rate_is_known(make) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Slow(Provider):
        def __call__(self) -> float | None:
            asked.set()
            answer.wait(10)
            return super().__call__()

    bucket = make(Slow(100.0))
    grants: list[int] = []
    threads = [threading.Thread(target=lambda: grants.append(bucket.take(500).tokens)) for _ in range(3)]
    threads[0].start()
    asked.wait(10)
    for each in threads[1:]:
        each.start()
    began = time.monotonic()
    answer.set()
    for each in threads:
        each.join(30)
    assert 100 <= sum(grants) <= 105 + 100 * (time.monotonic() - began)


def test_with_a_rate_from_the_settings_the_provider_is_not_asked(make) -> None:
    provider = Provider(100.0)
    bucket = make(provider, fixed=5.0)
    assert bucket.take(500).tokens == 5
    assert provider.asked == 0


def test_one_a_second_is_sent_until_the_provider_has_answered(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.sending.rate._REFRESH_SECONDS", 0.0)
    provider = Provider(-1.0)
    bucket = make(provider)
    with capture_logs() as logs:
        assert max(bucket.take(500).tokens for _ in range(3)) == 1
    assert {each["log_level"] for each in logs} == {"error"}
    provider.rate = None
    assert bucket.take(500).tokens == 500


def test_a_known_rate_holds_while_the_provider_does_not_answer(
    make, monkeypatch: pytest.MonkeyPatch, broker_url: str
) -> None:
    monkeypatch.setattr("workers.sending.rate._REFRESH_SECONDS", 1.0)
    provider = Provider(100.0)
    bucket = make(provider)
    assert bucket.take(1).tokens == 1
    provider.rate = -1.0
    with redis.Redis.from_url(broker_url) as client:
        client.delete("notifier:rate:email:limit", "notifier:rate:email:asking")
    bucket._rate._fresh_until = 1.0
    with capture_logs() as logs:
        assert bucket.take(50).tokens == 50
    assert [each["log_level"] for each in logs] == ["warning"]


def test_throttling_slows_down_every_worker(make) -> None:
    first, second = make(100.0), make(100.0)
    assert second.take(1).tokens == 1
    first.slow_down()
    assert second.take(100).tokens == 0  # a second's rest for all
    wait_until(lambda: (grant := second.take(100)).tokens and grant)


def test_throttling_of_an_unknown_rate_rests_all_the_same(make) -> None:
    bucket = make(None)
    bucket.slow_down()
    grant = bucket.take(10)
    assert grant.tokens == 0
    assert 0 < grant.seconds <= 1.0


def test_without_redis_a_worker_keeps_to_less_than_its_share(make) -> None:
    bucket = make(100.0, url="redis://127.0.0.1:1/0")
    taken = sum(bucket.take(1_000).tokens for _ in range(5))
    assert 1 <= taken <= 55
    bucket.slow_down()
    assert bucket.take(10).tokens == 0


def test_tokens_of_seconds_to_come_may_be_spent_at_once(make) -> None:
    first, second = make(100.0), make(100.0)
    first.spend(400)
    assert second.take(1).tokens == 0
    assert 3.5 < second.take(1).seconds < 4.1


def test_without_redis_they_are_spent_too(make) -> None:
    bucket = make(100.0, url="redis://127.0.0.1:9/0", fixed=100.0)
    bucket.spend(400)
    assert bucket.take(1).tokens == 0


def test_portions_come_in_order_and_each_at_its_time(make) -> None:
    slept: list[float] = []
    waits: list[int] = []
    bucket = make(200.0, sleep=slept.append)

    batches = [list(each) for each in bucket.batches(range(150), 60.0, lambda: waits.append(1))]

    assert batches == [list(range(first, min(first + 20, 150))) for first in range(0, 150, 20)]
    assert sum(slept) > 1.0  # 0.1, 0.2, ...: each after all before it
    assert len(waits) >= 6


def test_a_redis_that_lost_its_memory_grants_no_second_twice(make, broker_url: str) -> None:
    bucket = make(100.0)
    assert bucket.take(90).tokens == 90
    with redis.Redis.from_url(broker_url) as client:
        client.flushall()

    grant = bucket.take(90)

    assert grant.tokens < 50
    assert grant.seconds > 0.5


def test_batches_end_after_the_timeout(make) -> None:
    bucket = make(1.0, sleep=lambda _: None)
    assert [list(each) for each in bucket.batches(range(5), 0.0, lambda: None)] == [[0]]
