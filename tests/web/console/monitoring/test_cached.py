"""A value that many ask for is read once a second, and not given after something changed."""

import threading

import pytest

from web.console.monitoring.cached import Cached


class Reads:
    """Returns 1, 2, 3, ..., and waits for `go` first."""

    def __init__(self) -> None:
        self.count = 0
        self.now = 0.0
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()

    def __call__(self) -> int:
        self.count += 1
        self.begun.set()
        assert self.go.wait(10)
        return self.count


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def cached(reads: Reads) -> Cached[int]:
    return Cached(reads, 1.0, lambda: reads.now)


def test_it_is_read_again_after_its_time_or_once_it_is_forgotten(reads: Reads, cached: Cached[int]) -> None:
    assert [cached.get(), cached.get()] == [1, 1]
    reads.now = 1.0
    assert cached.get() == 1
    reads.now = 1.1
    assert cached.get() == 2
    cached.forget()
    assert [cached.get(), cached.get()] == [3, 3]


def test_those_who_ask_while_it_is_read_get_the_same(reads: Reads, cached: Cached[int]) -> None:
    reads.go.clear()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(cached.get())) for _ in range(4)]
    for each in threads:
        each.start()
    assert reads.begun.wait(10)
    reads.go.set()
    for each in threads:
        each.join(10)
    assert found == [1] * 4


def test_what_is_read_while_it_is_forgotten_is_not_given_afterwards(reads: Reads, cached: Cached[int]) -> None:
    reads.go.clear()
    reader = threading.Thread(target=cached.get)
    reader.start()
    assert reads.begun.wait(10)
    forgetting = threading.Thread(target=cached.forget)
    forgetting.start()
    reads.go.set()
    reader.join(10)
    forgetting.join(10)
    assert cached.get() == 2


def test_an_error_is_raised_and_not_kept() -> None:
    answers = iter([ValueError("down"), 7])

    def read() -> int:
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    cached = Cached(read, 1.0)
    with pytest.raises(ValueError, match="down"):
        cached.get()
    assert cached.get() == 7
