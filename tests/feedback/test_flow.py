"""When events are known to flow, on a clock that the test says."""

import pytest

from bridge.feedback.flow import Flow
from bridge.feedback.queue import QueueMessage

VISIBILITY = 120.0
WINDOW = 131.0


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(clock: Clock) -> Flow:
    return Flow(VISIBILITY, clock)


def message(age: float = 0.1, receives: int = 1) -> QueueMessage:
    return QueueMessage("{}", "r", age, receives)


def test_nothing_is_known_until_all_that_could_be_in_other_hands_would_have_come(flow: Flow, clock: Clock) -> None:
    assert flow.settled_until() is None
    clock.after(WINDOW - 1)
    flow.came([])
    assert flow.settled_until() is None
    clock.after(1)
    assert flow.settled_until() == WINDOW


def test_it_is_told_now_and_then(flow: Flow, clock: Clock) -> None:
    clock.after(WINDOW)
    assert [flow.settled_until(), flow.settled_until()] == [WINDOW, None]
    clock.after(5)
    assert flow.settled_until() == WINDOW


def test_a_queue_that_is_never_empty_may_flow_too(flow: Flow, clock: Clock) -> None:
    for _ in range(int(WINDOW)):
        clock.after(1)
        flow.came([message(age=3.0)] * 10)
    assert flow.settled_until() == WINDOW


@pytest.mark.parametrize("trouble", ["old", "again", "failure"])
def test_after_trouble_nothing_is_known_for_as_long(flow: Flow, clock: Clock, trouble: str) -> None:
    clock.after(WINDOW * 3)
    match trouble:
        case "old":
            flow.came([message(), message(age=11.0)])
        case "again":
            flow.came([message(), message(receives=2)])
        case "failure":
            flow.troubled()
    clock.after(WINDOW - 1)
    assert flow.settled_until() is None
    clock.after(1)
    assert flow.settled_until() == WINDOW


def test_a_short_visibility_still_leaves_time_for_the_way(clock: Clock) -> None:
    flow = Flow(1.0, clock)
    clock.after(3.0)
    flow.came([message(age=1.9)])
    assert flow.settled_until() == 3.0
