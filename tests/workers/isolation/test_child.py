"""A real process for isolated builds: its answers, how it ends, and whether the build had begun by then."""

import fcntl
import json
import os
import pickle
import resource
import select
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.outbox import DueNotification
from tests.bridge.stream.records import record
from tests.waiting import wait_until
from workers.isolation import child as module
from workers.isolation.child import BuildNotBegun, BuildTimeout, Built, Child, DiedDuringBuild, NotPicklable
from workers.isolation.frames import Frames, FrameTimeout, frame
from workers.isolation.process import memory_bound
from workers.process.gil_watchdog import step_seconds

TIMEOUT = 30.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "hello").mkdir()
    (folder / "hello" / "subject.txt").write_text("Hello")
    (folder / "hello" / "body.txt").write_text("Dear {{ name }}, hello.")
    ours = {
        "NOTIFIER_DATABASE_URL": "postgresql://unused",
        "NOTIFIER_BROKER_URL": "redis://unused",
        "NOTIFIER_AWS_SES_ENDPOINT_URL": "http://127.0.0.1:1",
        "NOTIFIER_AWS_REGION": "eu-west-1",
        "NOTIFIER_SENDER": "us@example.com",
        "NOTIFIER_ROUTES": "tests.workers.isolation.isolated_routes",
        "NOTIFIER_TEMPLATES": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    return {**{name: value for name, value in os.environ.items() if not name.startswith("NOTIFIER_")}, **ours}


class Maker:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._made: list[Child] = []

    def one(self) -> Child:
        """The last process if it runs, else a new one."""
        if not self._made or not self._made[-1].is_running:
            self._made.append(Child("email", self._environment))
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each.kill()


@pytest.fixture(scope="module")
def maker(environment: dict[str, str]) -> Iterator[Maker]:
    made = Maker(environment)
    yield made
    made.close()


def due(how: str = "", **item: Any) -> DueNotification:
    stored = record(1, to={"S": "ana@example.com"}, name={"S": "Ana"}, how={"S": how}, **item)
    return DueNotification(uuid.uuid4(), "a_route", "activity", json.dumps(stored).encode(), 0)


def test_it_builds_one_after_the_other(maker: Maker) -> None:
    child = maker.one()
    for how in ("", "prints", "large", ""):
        built = child.build(due(how), TIMEOUT)
        assert isinstance(built, Built)
        assert built.address == "ana@example.com"
        assert len(built.content.text) > (3_000_000 if how == "large" else 10)


def test_a_record_that_is_larger_than_a_pipe_arrives(maker: Maker) -> None:
    assert isinstance(maker.one().build(due(text={"S": "x" * 390_000}), TIMEOUT), Built)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("kill", "killed by SIGKILL"),
        ("exit", "it ended with exit code 7"),
        ("close", "it closed its pipe"),
        ("regex", "one call did not release"),
    ],
)
def test_how_it_died_of_its_route(maker: Maker, how: str, cause: str) -> None:
    child = maker.one()
    with pytest.raises(DiedDuringBuild, match=cause):
        child.build(due(how), TIMEOUT)
    assert not child.is_running


def test_one_that_ended_while_it_was_idle_has_not_begun(maker: Maker) -> None:
    child = maker.one()
    os.kill(child._process.pid, signal.SIGKILL)
    wait_until(lambda: not child.is_running)
    with pytest.raises(BuildNotBegun, match="killed by SIGKILL"):
        child.build(due("kill"), TIMEOUT)


def test_one_that_ends_before_it_calls_the_route_has_not_begun(maker: Maker) -> None:
    """The pipe takes the notification although no process reads it any more."""
    child = maker.one()
    os.kill(child._process.pid, signal.SIGSTOP)
    killer = threading.Timer(0.3, os.kill, (child._process.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(BuildNotBegun, match="killed by SIGKILL"):
        child.build(due(), TIMEOUT)
    killer.join()


def test_one_that_reads_nothing_has_not_begun(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEGIN_SECONDS", 0.3)
    for size in (1, 390_000):
        child = maker.one()
        os.kill(child._process.pid, signal.SIGSTOP)
        with pytest.raises(BuildNotBegun, match="did not begin within"):
            child.build(due(text={"S": "x" * size}), TIMEOUT)
        assert not child.is_running


def test_one_that_exceeds_its_timeout_and_runs_is_a_timeout(maker: Maker) -> None:
    child = maker.one()
    with pytest.raises(BuildTimeout):
        child.build(due("sleep"), 0.2)
    child.kill()


def test_one_that_does_not_release_the_lock_has_died(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.5)
    child = maker.one()
    with pytest.raises(DiedDuringBuild, match="one call did not release"):
        child.build(due("regex"), 0.3)
    assert not child.is_running


@pytest.mark.parametrize("how", ["unreadable"])
def test_what_the_worker_cannot_read_was_built_and_its_process_lives(maker: Maker, how: str) -> None:
    child = maker.one()
    with pytest.raises(NotPicklable):
        child.build(due(how), TIMEOUT)
    assert child.is_running
    assert isinstance(child.build(due(), TIMEOUT), Built)


def test_what_cannot_be_pickled_was_built_and_its_process_lives(maker: Maker) -> None:
    child = maker.one()
    with pytest.raises(NotPicklable):
        child.build(due("lambda"), TIMEOUT)
    assert isinstance(child.build(due(), TIMEOUT), Built)


def test_one_that_does_not_come_up_has_not_begun(environment: dict[str, str]) -> None:
    with pytest.raises(BuildNotBegun, match="it ended with exit code"):
        Child("email", {**environment, "NOTIFIER_ROUTES": "tests.nothing_here"})


class Pipes:
    """The worker's end, and the end of the process, which the test reads and writes."""

    def __init__(self, at_least: int = 0) -> None:
        """With descriptors of the worker's end from that number on."""
        incoming, self.answers = os.pipe()
        self.received, outgoing = os.pipe()
        self._all = [self.answers, self.received]
        self._files = [
            os.fdopen(_moved(incoming, at_least), "rb", buffering=0),
            os.fdopen(_moved(outgoing, at_least), "wb", buffering=0),
        ]
        self.frames = Frames(*self._files)  # type: ignore[arg-type]

    def end(self) -> None:
        os.close(self._all.pop(0))

    def close(self) -> None:
        for each in self._all:
            os.close(each)
        for file in self._files:
            file.close()


def _moved(descriptor: int, at_least: int) -> int:
    if not at_least:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD, at_least)
    os.close(descriptor)
    return moved


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


def test_messages_that_came_in_one_read_are_two(pipes: Pipes) -> None:
    os.write(pipes.answers, frame("an answer") + frame("alive"))
    assert pickle.loads(pipes.frames.read(1.0)) == "an answer"
    assert pickle.loads(pipes.frames.read(0.0)) == "alive"


def test_a_message_that_comes_in_pieces_is_whole(pipes: Pipes) -> None:
    framed = frame("an answer")
    for at in range(len(framed) - 1):
        os.write(pipes.answers, framed[at : at + 1])
        with pytest.raises(FrameTimeout):
            pipes.frames.read(0.0)
    os.write(pipes.answers, framed[-1:])
    assert pickle.loads(pipes.frames.read(1.0)) == "an answer"


def test_a_write_to_a_pipe_that_is_not_read_times_out(pipes: Pipes) -> None:
    with pytest.raises(FrameTimeout):
        pipes.frames.write(frame("x" * 1_000_000), 0.2)


def test_descriptors_may_be_larger_than_1024() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2_000:
        pytest.skip("no such descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    high = Pipes(at_least=1_500)
    try:
        high.frames.write(b"text", 1.0)
        os.write(high.answers, frame("an answer"))
        assert os.read(high.received, 4) == b"text"
        assert pickle.loads(high.frames.read(1.0)) == "an answer"
    finally:
        high.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_end_of_a_pipe_raises(pipes: Pipes) -> None:
    pipes.end()
    with pytest.raises(EOFError):
        pipes.frames.read(1.0)


def test_an_answer_that_comes_with_the_ping_is_not_thrown_away(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    child = maker.one()
    write = child._frames.write

    def asks_late(framed: bytes, seconds: float) -> None:
        if framed == frame(module.PING):
            answered = select.poll()
            answered.register(child._frames._incoming.fileno(), select.POLLIN)
            assert answered.poll(60_000)
        write(framed, seconds)

    monkeypatch.setattr(child._frames, "write", asks_late)
    for how in ("large", ""):
        assert isinstance(child.build(due(how), 0.0), Built)
    assert isinstance(child.build(due(), TIMEOUT), Built)


@pytest.mark.parametrize(
    ("container", "used", "bound"),
    [
        (2_000, 100, 1_000),  # half of it
        (512, 70, 256),
        (256, 120, 184),  # the routes alone take nearly half: a quarter is left for a build
        (128, 120, 152),
    ],
)
def test_a_build_has_room_however_small_its_container(container: int, used: int, bound: int) -> None:
    assert memory_bound(container, used) == bound


@pytest.mark.parametrize("seconds", [5.0, 10.0])
@pytest.mark.parametrize("processors", [1, 2, 8, 20, 64, 256])
def test_threads_on_all_processors_cannot_use_up_the_time_between_two_steps(seconds: float, processors: int) -> None:
    step = step_seconds(seconds, processors)
    assert step * processors <= seconds / 8
    assert step <= 0.25
