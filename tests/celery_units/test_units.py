"""How each message of a unit ends, in a real Celery worker on real Redis."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery, signals
from celery.app.trace import build_tracer
from celery.events.state import State
from celery.exceptions import CPendingDeprecationWarning

from celery_units import units
from celery_units.job import UnitFailed, _run
from celery_units.unfinished import Unfinished
from celery_units.units import give_back, run_unit
from tests.celery_units.app import Broker, new_ids
from tests.celery_units.conftest import Start
from tests.celery_units.listening import listening
from tests.celery_units.recording import (
    FAILED,
    RETRIED,
    SUCCEEDED,
    TASK,
    Recorder,
    busy,
    done,
    fails,
    register,
    retries,
)
from tests.waiting import wait_until


def test_every_message_of_a_unit_has_its_own_end(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    good, retried, failed = new_ids(3)
    recorder.completions = {retried: retries, failed: fails}
    with start(), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(good, retried, failed)
        recorder.has_received(4)
        recorder.gate.set()
        done(queue)
        assert len(recorder.units) == 2
        for id_, events in ((good, SUCCEEDED), (retried, RETRIED), (failed, FAILED)):
            wait_until(lambda id_=id_, events=events: listener.of(id_) == events, message=str(events))  # type: ignore[misc]


def test_an_unusual_end_is_shown_in_full_however_small_the_sample(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    good, retried, failed = new_ids(3)
    recorder.completions = {retried: retries, failed: fails}
    with start(event_sample=0), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(good, retried, failed)
        recorder.has_received(4)
        recorder.gate.set()
        wait_until(lambda: listener.of(retried) == RETRIED)
        wait_until(lambda: listener.of(failed) == FAILED)
        done(queue)
        assert listener.of(good) == []

        flower = State()
        for event in listener.events:
            flower.event(event)
        task = flower.tasks[failed]
        assert (task.name, task.state, task.worker is not None) == (TASK, "FAILURE", True)
        assert task.received <= task.started <= task.failed


def test_signals_are_sent_as_for_a_task_alone(start: Start, recorder: Recorder, queue: Broker) -> None:
    seen: list[tuple[str, str]] = []

    def prerun(task_id: str, **_: Any) -> None:
        seen.append(("prerun", task_id))

    def success(sender: Any, result: str, **_: Any) -> None:
        seen.append((result, sender.request.id))

    ids = new_ids(5)
    signals.task_prerun.connect(prerun)
    signals.task_success.connect(success)
    try:
        with start():
            busy(recorder, queue)
            queue.publish(*ids)
            recorder.has_received(6)
            recorder.gate.set()
            done(queue)
    finally:
        signals.task_prerun.disconnect(prerun)
        signals.task_success.disconnect(success)
    assert len(recorder.units) == 2
    assert {("prerun", id_) for id_ in ids} | {("done", id_) for id_ in ids} <= set(seen)


def test_a_unit_that_is_given_back_runs_again(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    ids = new_ids(20)
    with start(), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(*ids)
        recorder.has_received(21)
        recorder.give_back_units = 2  # both that are here now
        recorder.gate.set()
        wait_until(lambda: all("task-succeeded" in listener.of(id_) for id_ in ids))
        done(queue)
        assert all(listener.of(id_)[:3] == ["task-received", "task-started", "task-rejected"] for id_ in ids)
    assert sorted(recorder.ids[1:21]) == sorted(ids)
    assert all(recorder.ids.count(id_) == 2 for id_ in ids)


def test_where_a_unit_raises_only_the_task_at_fault_fails(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    bad, *good = new_ids(10)
    recorder.poison = bad
    with start(), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(bad, *good)
        recorder.has_received(11)
        recorder.gate.set()
        wait_until(lambda: listener.of(bad) == FAILED)
        wait_until(lambda: all(listener.of(id_) == SUCCEEDED for id_ in good))
        done(queue)


@pytest.fixture
def traced(celery_app: Celery, recorder: Recorder) -> Any:
    """The task as a worker has it."""
    task = register(celery_app, recorder)
    task.__trace__ = build_tracer(task.name, task, celery_app.loader, "here", app=celery_app)
    return task


def requests(*ids: str) -> list[dict[str, Any]]:
    info = {"routing_key": "a"}
    return [
        {"id": id_, "args": [id_], "kwargs": {}, "delivery_info": info, "retries": 0, "task": TASK} for id_ in ids
    ]


def test_where_tasks_run_alone_the_first_that_is_given_back_takes_the_others_with_it(
    traced: Any, recorder: Recorder
) -> None:
    ids = new_ids(3)
    recorder.errors = [ValueError("the unit")]
    recorder.completions = {ids[0]: give_back}
    results = run_unit(traced, requests(*ids))
    assert [failed for failed, *_ in results] == [1, 1, 1]
    assert recorder.units == [ids, [ids[0]]]


def test_an_error_between_the_messages_of_a_unit_is_returned_as_the_failure_of_all(
    traced: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: Any, **__: Any) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(units, "_result", raises)
    ids = new_ids(2)
    found = _run(traced, requests(*ids))
    assert isinstance(found, ExceptionInfo)
    assert found.type is UnitFailed
    assert recorder.units == [ids]


@pytest.mark.parametrize("number", [0, 2, 4])
def test_where_the_results_of_a_unit_are_too_few_or_too_many_each_runs_alone(
    traced: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    ids = new_ids(3)
    monkeypatch.setattr(traced, "run_many", lambda _: [give_back] * number)
    results = run_unit(traced, requests(*ids))
    assert [failed for failed, *_ in results] == [0, 0, 0]
    assert recorder.units == [[id_] for id_ in ids]


@pytest.mark.parametrize("completion", [retries, fails])
def test_what_does_not_succeed_keeps_no_frames(
    traced: Any, recorder: Recorder, completion: Callable[[], Any]
) -> None:
    ids = new_ids(3)
    recorder.completions = dict.fromkeys(ids, completion)
    for failed, info, _ in run_unit(traced, requests(*ids)):
        assert failed
        assert info.tb is None


def test_a_slow_message_of_a_unit_goes_on_in_a_unit_of_its_own(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    slow, slower, *quick = new_ids(20)
    recorder.later = {slow: Unfinished(), slower: Unfinished()}
    with start(), listening(celery_app) as listener:
        first = busy(recorder, queue)
        queue.publish(slow, slower, *quick)
        recorder.has_received(21)
        recorder.gate.set()
        wait_until(lambda: queue.held() == {slow, slower})  # each is acknowledged at its own end
        (other,) = new_ids(1)
        queue.publish(other)
        wait_until(lambda: other in recorder.ids)  # the only place of the pool is free
        for each in recorder.later.values():
            each.end()
        done(queue)
        for id_ in (first, slow, slower, *quick, other):
            wait_until(lambda id_=id_: listener.of(id_) == SUCCEEDED, message=id_)  # type: ignore[misc]
    assert sorted(recorder.units[-1]) == sorted((slow, slower)) or recorder.units[-2:] == [[slow], [slower]]


@pytest.mark.usefixtures("stock")
def test_a_slow_message_ends_though_its_connection_is_gone(start: Start, recorder: Recorder, queue: Broker) -> None:
    (slow,) = new_ids(1)
    recorder.later = {slow: Unfinished()}
    with start() as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        queue.publish(slow)
        wait_until(lambda: recorder.units == [[slow]])
        before = worker.consumer.restart_count
        queue.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: worker.consumer.restart_count > before, seconds=60)
        recorder.has_received(2)  # it came again
        recorder.later[slow].end()
        done(queue)
    assert 3 <= len(recorder.units) <= 4  # both messages, and both again


def test_what_the_task_knows_as_lost_runs_again_among_suspects(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    marked, other = new_ids(2)
    recorder.marked = {marked}
    with start():
        busy(recorder, queue)
        queue.publish(marked, other)
        recorder.has_received(3)
        recorder.gate.set()
        done(queue)
    assert recorder.units[-1] == [marked]
    assert recorder.suspects == [False, False, True]


@pytest.mark.usefixtures("fast")
def test_what_goes_back_because_the_worker_ends_is_first_again_and_in_order(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    ids = new_ids(60)
    with start(unit_size=20) as worker:
        first = busy(recorder, queue)
        queue.publish(*ids)
        recorder.has_received(61)
        recorder.give_back_units = 20  # for as long as the worker runs after its end began
        recorder.ending.set()
        recorder.gate.set()
        wait_until(lambda: len(recorder.units) >= 2)
        worker.consumer.call_soon(lambda: None)
        assert queue.waiting() == []  # nothing is sent behind the others
    assert queue.waiting() == [first, *ids]
