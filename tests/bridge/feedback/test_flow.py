"""When events are known to flow, by a clock that the test sets."""

import pytest

from bridge.feedback.flow import Flow
from bridge.feedback.queue import QueueMessage

VISIBILITY = 120
WINDOW = 131.0


class Clock:
    def __init__(self) -> None:
        self.now = 500.0

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += seconds


class Queue:
    """A queue with a depth of `has`."""

    def __init__(self, visibility: int = VISIBILITY) -> None:
        self.visibility = visibility
        self.has = 0
        self.asked = 0

    def depth(self) -> int:
        self.asked += 1
        return self.has


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def flow(queue: Queue, clock: Clock) -> Flow:
    return Flow(queue, clock)


def message(age: float = 0.1, receives: int = 1) -> QueueMessage:
    return QueueMessage("{}", "r", age, receives)


def looks(flow: Flow, clock: Clock, times: int = 2) -> list[float | None]:
    """Return its answers, five seconds apart: so often it asks the queue."""
    told = []
    for _ in range(times):
        told.append(flow.settled_before())
        clock.after(5)
    return told


def test_nothing_is_known_until_every_received_message_would_be_visible_again(flow: Flow, clock: Clock) -> None:
    assert flow.settled_before() is None
    clock.after(WINDOW - 1)
    flow.received([])
    assert flow.settled_before() is None
    clock.after(1)
    assert looks(flow, clock) == [None, WINDOW]


def test_the_queue_is_asked_now_and_then(flow: Flow, clock: Clock, queue: Queue) -> None:
    clock.after(WINDOW)
    assert [flow.settled_before(), flow.settled_before()] == [None, None]
    assert queue.asked == 1
    clock.after(5)
    assert [flow.settled_before(), flow.settled_before()] == [WINDOW, None]
    assert queue.asked == 2


def test_a_queue_that_always_gives_something_may_flow_too(flow: Flow, clock: Clock) -> None:
    for _ in range(int(WINDOW)):
        clock.after(1)
        flow.received([message(age=3.0)] * 10)
    assert looks(flow, clock) == [None, WINDOW]


def test_messages_that_others_have_received_are_not_settled(flow: Flow, clock: Clock, queue: Queue) -> None:
    clock.after(WINDOW)
    assert looks(flow, clock) == [None, WINDOW]
    queue.has = 1
    assert looks(flow, clock, 3) == [None] * 3
    queue.has = 0
    assert looks(flow, clock, 3) == [None, WINDOW, WINDOW]


@pytest.mark.parametrize("trouble", ["old", "again", "failure"])
def test_after_trouble_nothing_is_known_for_one_window(flow: Flow, clock: Clock, trouble: str) -> None:
    clock.after(WINDOW * 3)
    assert looks(flow, clock) == [None, WINDOW]
    match trouble:
        case "old":
            flow.received([message(), message(age=11.0)])
        case "again":
            flow.received([message(), message(receives=2)])
        case "failure":
            flow.reset()
    clock.after(WINDOW - 1)
    assert flow.settled_before() is None
    clock.after(1)
    assert looks(flow, clock) == [None, WINDOW]


def test_trouble_while_the_queue_is_asked_counts(flow: Flow, clock: Clock, queue: Queue) -> None:
    clock.after(WINDOW)
    assert looks(flow, clock) == [None, WINDOW]

    def depth() -> int:
        flow.reset()
        return 0

    queue.depth = depth  # type: ignore[method-assign]
    assert flow.settled_before() is None


def test_a_short_visibility_still_leaves_time_for_the_way(clock: Clock) -> None:
    flow = Flow(Queue(visibility=1), clock)
    clock.after(4.0)
    flow.received([message(age=1.9)])
    assert looks(flow, clock) == [None, 4.0]


def test_a_queue_that_is_never_empty_flows_after_ten_windows(flow: Flow, clock: Clock, queue: Queue) -> None:
    queue.has = 40
    clock.after(10 * WINDOW - 6)
    assert looks(flow, clock) == [None, None]
    assert looks(flow, clock) == [10 * WINDOW, 10 * WINDOW]
    flow.reset()
    assert looks(flow, clock) == [None, None]
