"""The receivers of a process: whether they make progress, and how they end."""

import threading
from pathlib import Path

from bridge.feedback.envelope import Opener
from bridge.feedback.flow import Flow
from bridge.feedback.receiver import Receiver
from bridge.feedback.receivers import Receivers
from notifier.health import Heartbeat
from tests.feedback.memory_queue import MemoryQueue
from tests.feedback.test_receiver import Outbox, events
from tests.waiting import wait_until


class SlowQueue(MemoryQueue):
    """Holds whoever deletes, until it is told to go on."""

    def __init__(self, bodies: list[str]) -> None:
        super().__init__(bodies)
        self.in_delete, self.go_on = threading.Event(), threading.Event()

    def delete(self, messages: object) -> int:
        self.in_delete.set()
        self.go_on.wait(20)
        return super().delete(messages)  # type: ignore[arg-type]


def receivers(queue: MemoryQueue, folder: Path, clock: list[float]) -> tuple[Receivers, threading.Thread]:
    outbox, flow = Outbox(queue.log), Flow(queue)
    receiver = Receiver(queue, Opener(None), outbox, flow, lambda: clock[0])
    found = Receivers([receiver], Heartbeat("feedback", folder), lambda: clock[0])
    return found, threading.Thread(target=found.run)


def test_a_batch_under_way_is_finished_before_the_process_ends(tmp_path: Path) -> None:
    queue = SlowQueue(events(3))
    found, thread = receivers(queue, tmp_path, [100.0])
    thread.start()
    queue.in_delete.wait(20)
    found.stop()
    queue.go_on.set()
    thread.join(20)
    assert not thread.is_alive()
    assert len(queue) == 0


def test_a_receiver_that_hangs_ends_the_heartbeat(tmp_path: Path) -> None:
    queue, clock = SlowQueue(events(1)), [100.0]
    found, thread = receivers(queue, tmp_path, clock)
    thread.start()
    queue.in_delete.wait(20)
    heartbeat = Heartbeat("feedback", tmp_path)
    wait_until(lambda: heartbeat.age() is not None)
    assert found._turning()
    clock[0] += 61
    assert not found._turning()
    found.stop()
    queue.go_on.set()
    thread.join(20)
