import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from notifier.broker import BrokerError
from notifier.errors import Unreachable
from notifier.process import loops
from notifier.process.loops import Loop, NextIn
from tests.waiting import wait_until


class Rounds:
    """Counts its rounds, and calls the given function in each."""

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
        loop.request_stop()
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
    loop.request_stop()
    loop.join(60)
    assert time.monotonic() - began < 50


def test_a_loop_that_is_stopped_during_a_round_stops_after_it() -> None:
    in_round, go_on = threading.Event(), threading.Event()

    def job() -> None:
        in_round.set()
        go_on.wait(10)

    loop = Loop("busy", 3600.0, job)
    loop.start()
    in_round.wait(10)
    loop.request_stop()
    go_on.set()
    loop.join()
    assert not loop._thread.is_alive()


class Hurry:
    """Replaces a loop's wake-up event: keeps the seconds of each wait, and does not wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return True


@pytest.mark.parametrize("seconds", [0.01, 3600.0])
@pytest.mark.parametrize(
    "error",
    [
        BrokerError("away"),
        Unreachable("away"),
        OperationalError("SELECT", {}, Exception("gone")),
        ValueError("a bug"),
    ],
)
def test_any_number_of_failures_ends_no_loop(error: Exception, seconds: float) -> None:
    def job() -> None:
        if rounds.count <= 1_100:
            raise error.with_traceback(None)

    rounds, hurry = Rounds(job), Hurry()
    loop = Loop("failing", seconds, rounds)
    loop._wake = hurry  # type: ignore[assignment]
    with capture_logs():
        run(loop, lambda: rounds.count > 1_101)
    assert max(hurry.waits[:1_100]) == 5.0
    assert min(hurry.waits[:1_100]) >= min(seconds, 5.0)


def test_a_failure_that_cannot_be_logged_ends_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on the device")

    monkeypatch.setattr(loops, "_LONGEST_BACKOFF", 0.01)
    monkeypatch.setattr(loops, "cause", fail)
    monkeypatch.setattr(loops, "trace", fail)
    rounds = Rounds(fail)
    run(Loop("failing", 0.01, rounds), lambda: rounds.count >= 3)


def test_a_loop_whose_thread_has_ended_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop("relay", 0.01, lambda: None)
    assert loop.trouble() == ""  # not started yet
    monkeypatch.setattr(loop, "_run", lambda: None)
    loop._thread = threading.Thread(target=loop._run)
    loop.start()
    wait_until(lambda: not loop._thread.is_alive())
    assert loop.trouble() == "the thread 'relay' has ended: restart this process"
    loop.request_stop()
    assert loop.trouble() == ""


@pytest.mark.parametrize("late", ["its round", "the wait after it"])
def test_a_loop_that_is_overdue_is_in_trouble(late: str) -> None:
    in_round, go_on = threading.Event(), threading.Event()

    def job() -> None:
        in_round.set()
        go_on.wait(10)

    loop = Loop("sweep", 3600.0, job, hung_seconds=60.0)
    loop.start()
    try:
        in_round.wait(10)
        assert loop.trouble() == ""
        if late == "the wait after it":
            go_on.set()
            wait_until(lambda: loop._due is not None and loop._due > time.monotonic() + 3_000)
            assert loop.trouble() == ""
        loop._due = time.monotonic() - 5  # so much time has passed
        assert loop.trouble() == "the thread 'sweep' hangs, for 5 s by now: restart this process"
    finally:
        loop.request_stop()
        go_on.set()
        loop.join()
