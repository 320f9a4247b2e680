import threading
import time
from collections.abc import Callable

import pytest

from bridge.loops import Loop, NextIn
from notifier.errors import Unreachable
from tests.waiting import wait_until


class Rounds:
    """Counts its rounds; each does what it is told."""

    def __init__(self, job: Callable[[], object]) -> None:
        self.count = 0
        self._job = job

    def __call__(self) -> object:
        self.count += 1
        return self._job()


def run(loop: Loop, until: Callable[[], bool]) -> None:
    loop.start()
    try:
        wait_until(until)
    finally:
        loop.tell_to_stop()
        loop.join()


def test_a_job_that_answers_a_number_is_not_put_off_by_it() -> None:
    rounds = Rounds(lambda: 250)
    run(Loop("counting", 0.01, rounds), lambda: rounds.count >= 5)


def test_a_job_may_say_when_it_is_next() -> None:
    rounds = Rounds(lambda: NextIn(0.01))
    run(Loop("hurrying", 3600.0, rounds), lambda: rounds.count >= 5)


@pytest.mark.parametrize("error", [Unreachable("away"), ValueError("a bug")])
def test_no_failure_ends_the_loop(error: Exception) -> None:
    def fail() -> None:
        raise error

    rounds = Rounds(fail)
    run(Loop("failing", 0.01, rounds), lambda: rounds.count >= 3)


def test_waking_does_the_next_round_now() -> None:
    rounds = Rounds(lambda: None)
    loop = Loop("sleeping", 3600.0, rounds)
    loop.start()
    wait_until(lambda: rounds.count == 1)
    loop.wake()
    wait_until(lambda: rounds.count == 2)
    began = time.monotonic()
    loop.tell_to_stop()
    loop.join()
    assert time.monotonic() - began < 5


def test_a_loop_that_is_told_to_stop_in_its_round_stops() -> None:
    in_round, go_on = threading.Event(), threading.Event()

    def job() -> None:
        in_round.set()
        go_on.wait(10)

    loop = Loop("busy", 3600.0, job)
    loop.start()
    in_round.wait(10)
    loop.tell_to_stop()
    go_on.set()
    loop.join()
    assert not loop._thread.is_alive()
