"""The token bucket, with a clock that the test controls."""

from simulators.ses.account.throttle import Bucket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_second_of_rate_may_go_at_once_and_then_the_rate():
    clock = Clock()
    bucket = Bucket(10, clock=clock)
    assert [bucket.take(1) for _ in range(11)] == [True] * 10 + [False]
    clock.now += 0.2
    assert [bucket.take(1) for _ in range(3)] == [True, True, False]
    clock.now += 60
    assert [bucket.take(1) for _ in range(11)] == [True] * 10 + [False]


def test_many_recipients_make_the_tokens_negative_for_a_time():
    clock = Clock()
    bucket = Bucket(1, clock=clock)
    assert bucket.take(5)
    clock.now += 4.5
    assert not bucket.take(1)
    clock.now += 0.5
    assert bucket.take(1)


def test_a_rate_below_one_still_allows_one_recipient():
    clock = Clock()
    bucket = Bucket(0.5, clock=clock)
    assert (bucket.take(1), bucket.take(1)) == (True, False)
    clock.now += 2
    assert bucket.take(1)


def test_no_rate_is_no_limit():
    assert all(Bucket(None).take(50) for _ in range(1000))
