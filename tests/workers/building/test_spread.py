"""Which units get more threads: in simulated time, and in real threads on a machine that computes."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.building.test_pool import notifications, run
from workers.building.pool import THREADS, BuildPool, _next_step
from workers.building.spread import Spread, waited
from workers.building.unit_builds import UnitBuilds
from workers.process.in_progress import InProgress

LOOK = 0.005
IDLE = 4 * LOOK


@dataclass
class Unit:
    """A unit in one thread, in simulated time: it computes, or waits, and is looked at every 5 ms."""

    spread: Spread
    now: float = 0.0
    next_look: float = LOOK
    cpu: float = 0.0
    built: int = 0
    waited: int = 0
    spreads: bool = False

    def build(self, *parts: tuple[float, float]) -> None:
        """One build: seconds of CPU time and seconds of waiting, in turn."""
        began, before = self.now, self.cpu
        for cpu, wait in parts:
            self._pass(cpu, cpu)
            self._pass(wait, 0.0)
        self.built += 1
        self.waited += waited(self.now - began, self.cpu - before)

    def _pass(self, seconds: float, cpu: float) -> None:
        end = self.now + seconds
        while self.next_look <= end:
            self.cpu += cpu and self.next_look - self.now
            self.now = self.next_look
            self.next_look += LOOK
            self.spreads = self.spreads or self.spread.look(1, self.built, self.waited, self.cpu)
        self.cpu += cpu and end - self.now
        self.now = end


def test_a_quick_function_stays_in_one_thread() -> None:
    unit = Unit(Spread())
    for _ in range(5_000):
        unit.build((0.00002, 0.0))
    assert not unit.spreads


@given(
    st.floats(0.00002, 0.2),
    st.lists(st.tuples(st.floats(0.0015, 0.01), st.floats(0.0, 0.9 * IDLE)), min_size=1, max_size=20),
)
def test_a_function_that_computes_stays_in_one_thread_when_others_compute(
    cost: float, turns: list[tuple[float, float]]
) -> None:
    """`turns` are for how long this thread computes, and for how long others do then, which it spends waiting."""
    unit = Unit(Spread())
    left, turn = turns[0][0], 0
    for _ in range(max(int(0.1 / cost), 5)):
        parts, rest = [], cost
        while rest > left:
            parts.append((left, turns[turn % len(turns)][1]))
            rest -= left
            turn += 1
            left = turns[turn % len(turns)][0]
        left -= rest
        unit.build(*parts, (rest, 0.0))
    assert not unit.spreads


@pytest.mark.parametrize("wait", [0.002, 0.005, 0.02, 0.2, 30.0])
def test_a_function_that_waits_spreads(wait: float) -> None:
    unit = Unit(Spread())
    while not unit.spreads and unit.built < 5:
        unit.build((0.00005, wait))
    assert unit.spreads
    assert unit.now <= max(wait + IDLE, 4 * wait)


def test_a_function_that_waits_now_and_then_spreads() -> None:
    """A cache in front of a database: one in ten is not in it."""
    unit = Unit(Spread())
    for number in range(40):
        unit.build((0.00005, 0.02 if number % 10 == 0 else 0.0))
    assert unit.spreads


def test_threads_that_begin_and_wait_do_not_compute() -> None:
    """Each new thread uses some CPU time before it waits."""
    spread = Spread()
    assert [spread.look(1, 0, 0, 0.0003) for _ in range(4)] == [False, False, False, True]
    assert spread.look(4, 0, 0, 0.0015)
    assert spread.look(16, 0, 0, 0.008)


def test_a_function_that_waits_is_told_from_one_that_computes_by_its_cpu_time() -> None:
    assert waited(0.02, 0.0001)
    assert not waited(0.02, 0.0195)
    assert not waited(0.0009, 0.0)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="this system tells no other thread's CPU time")
def test_the_cpu_time_of_a_build_that_runs_is_known() -> None:
    def build(_: object) -> str:
        began = time.thread_time()
        while time.thread_time() - began < 0.02:
            pass
        computed.set()
        go_on.wait(30)
        return "built"

    computed, go_on = threading.Event(), threading.Event()
    unit = notifications(1)
    builds = UnitBuilds(unit, build, InProgress(), lambda *_: "late", lambda _: 30.0, lambda _: None)
    thread = threading.Thread(target=builds.work)
    thread.start()
    assert computed.wait(30)
    assert builds.cpu_seconds >= 0.02
    go_on.set()
    thread.join(30)
    assert builds.cpu_seconds == 0  # nothing runs


def test_builds_that_wait_after_others_that_did_run_at_the_same_time() -> None:
    """Not only where nothing moves: the first builds end, each after 20 ms."""
    together, count = threading.Barrier(THREADS), iter(range(10_000))

    def build(_: object) -> str:
        if next(count) < 5:
            threading.Event().wait(0.02)
        else:
            together.wait(30)  # raises if fewer builds wait at once
        return "built"

    unit = notifications(5 + 2 * THREADS)
    assert run(BuildPool(InProgress()), unit, build) == ["built"] * len(unit)


def test_builds_that_compute_stay_in_one_thread_on_a_busy_machine() -> None:
    """Others compute in this process all the time. Most units count, because the machine may stand still in one."""

    def build(_: object) -> str:
        used.add(threading.get_ident())
        began = time.thread_time()
        while time.thread_time() - began < 0.00002:
            pass
        return "built"

    counts = []
    with computing(threads=6):
        for _ in range(9):
            used: set[int] = set()
            run(BuildPool(InProgress()), notifications(500), build)
            counts.append(len(used))
    assert statistics.median(counts) == 1


@contextmanager
def computing(threads: int) -> Iterator[None]:
    """Threads that compute while the block runs."""
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            sum(range(1_000))

    running: list[Callable[[], None]] = []
    for _ in range(threads):
        thread = threading.Thread(target=compute)
        thread.start()
        running.append(thread.join)
    try:
        yield
    finally:
        ended.set()
        for join in running:
            join()


def test_builds_that_compute_are_looked_at_less_often_until_nothing_moves() -> None:
    steps = [LOOK]
    for computes in (True, True, True, True, False, False, True):
        steps.append(_next_step(steps[-1], computes=computes))
    assert steps == [0.005, 0.01, 0.02, 0.04, 0.04, 0.005, 0.005, 0.01]


def test_whether_something_moved_at_the_last_look() -> None:
    spread = Spread()
    assert not spread.look(1, 3, 0, 0.001)
    assert spread.computes
    assert not spread.look(1, 3, 0, 0.001)
    assert not spread.computes
