"""The receivers of a process: whether they make progress, and how they end."""

import threading
from pathlib import Path

import pytest

import notifier.process.loops
from bridge.feedback.envelope import MessageParser
from bridge.feedback.flow import Flow
from bridge.feedback.queue import QueueMessage
from bridge.feedback.receiver import Receiver
from bridge.feedback.receivers import Receivers
from bridge.feedback.recent import RecentlySettled
from notifier.database.server import Server
from notifier.health import write_health
from notifier.health.heartbeat import Heartbeat
from notifier.process.loops import Loop
from tests.bridge.feedback.memory_queue import MemoryQueue
from tests.bridge.feedback.test_receiver import AWAY, Outbox, events
from tests.bridge.feedback.test_recent import NOW
from tests.waiting import wait_until


class SlowQueue(MemoryQueue):
    """Blocks each delete until `go_on` is set."""

    def __init__(self, bodies: list[str]) -> None:
        super().__init__(bodies)
        self.in_delete, self.go_on = threading.Event(), threading.Event()

    def delete(self, messages: object) -> int:
        self.in_delete.set()
        self.go_on.wait(20)
        return super().delete(messages)  # type: ignore[arg-type]


def receivers(queue: MemoryQueue, folder: Path, clock: list[float]) -> tuple[Receivers, threading.Thread]:
    outbox, flow = Outbox(queue.log), Flow(queue)
    receiver = Receiver(queue, MessageParser(None), outbox, flow, lambda: clock[0])
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
    assert found._are_turning()
    clock[0] += 61
    assert not found._are_turning()
    found.stop()
    queue.go_on.set()
    thread.join(20)


class QuietQueue(MemoryQueue):
    """Waits a moment if it is empty, as SQS does."""

    def receive(self, wait_seconds: int) -> list[QueueMessage]:
        found = super().receive(wait_seconds)
        if not found:
            threading.Event().wait(0.02)
        return found


@pytest.mark.parametrize("messages", [3, 0], ids=["one receiver has all messages", "an empty queue"])
@pytest.mark.parametrize("fault", ["no server answers", "every write fails", "no writes are taken"])
def test_while_nothing_can_be_recorded_health_says_so_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, messages: int, fault: str
) -> None:
    monkeypatch.setattr(notifier.process.loops, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(notifier.process.loops, "_LONGEST_BACKOFF", 0.1)
    monkeypatch.setattr(write_health, "STALE_SECONDS", 0.5)
    queue = QuietQueue(events(messages))
    outbox, faults = Outbox(queue.log), {fault}
    outbox.fails = lambda _: AWAY if faults else None

    def server() -> Server:
        if "no server answers" in faults:
            raise AWAY
        return Server(NOW, "no writes are taken" not in faults)

    recent = RecentlySettled(outbox, server)
    found = Receivers(
        [Receiver(queue, MessageParser(None), recent, Flow(queue)) for _ in range(2)],
        Heartbeat("feedback", tmp_path),
        others=[
            Loop("settle again", 0.05, recent.settle_again),
            Loop("match again", 0.05, recent.match_again),
        ],
        trouble=recent.recording.trouble,
    )
    thread = threading.Thread(target=found.run)
    thread.start()
    heartbeat = Heartbeat("feedback", tmp_path)
    try:
        if messages or fault != "every write fails":  # else there is nothing to record
            wait_until(lambda: "nothing could be recorded" in heartbeat.trouble(), seconds=10)
        faults.clear()
        wait_until(lambda: heartbeat.age() is not None and heartbeat.trouble() == "", seconds=10)
    finally:
        found.stop()
        thread.join(20)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_health_names_a_thread_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave() -> None:
        raise SystemExit

    monkeypatch.setattr(notifier.process.loops, "BEAT_SECONDS", 0.05)
    queue = QuietQueue()
    receiver = Receiver(queue, MessageParser(None), Outbox(queue.log), Flow(queue))
    ended = Loop("match again", 0.05, leave)
    found = Receivers([receiver], Heartbeat("feedback", tmp_path), others=[ended])
    thread = threading.Thread(target=found.run)
    thread.start()
    heartbeat = Heartbeat("feedback", tmp_path)
    try:
        wait_until(heartbeat.trouble)
        assert heartbeat.trouble() == "the thread 'match again' has ended: restart this process"
    finally:
        found.stop()
        thread.join(20)
