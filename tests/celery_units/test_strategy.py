"""How messages become units, in a real Celery worker on real Redis."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import CPendingDeprecationWarning

from celery_units.strategy import Collector
from tests.celery_units.app import QUEUE, Broker, new_ids
from tests.celery_units.conftest import Start
from tests.celery_units.listening import listening
from tests.celery_units.recording import Recorder, busy, done
from tests.waiting import wait_until


def test_an_idle_worker_starts_each_message_at_once(start: Start, recorder: Recorder, queue: Broker) -> None:
    ids = new_ids(3)
    with start():
        for number, id_ in enumerate(ids):
            queue.publish(id_)
            wait_until(lambda number=number: len(recorder.units) == number + 1)  # type: ignore[misc]
            done(queue)
    assert recorder.units == [[id_] for id_ in ids]


def test_what_comes_while_the_pool_is_busy_becomes_one_unit(start: Start, recorder: Recorder, queue: Broker) -> None:
    ids = new_ids(50)
    with start():
        first = busy(recorder, queue)
        queue.publish(*ids)
        recorder.has_received(51)
        recorder.gate.set()
        done(queue)
    assert [len(unit) for unit in recorder.units] == [1, 50]
    assert set(recorder.ids) == {first, *ids}


def test_units_grow_to_their_limit_and_no_further(start: Start, recorder: Recorder, queue: Broker) -> None:
    with start(unit_size=20):
        busy(recorder, queue)
        queue.publish(*new_ids(50))
        recorder.has_received(51)
        recorder.gate.set()
        done(queue)
    assert [len(unit) for unit in recorder.units] == [1, 20, 20, 10]


def test_a_unit_is_of_one_queue_and_none_has_to_wait_for_the_backlog_of_another(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    many, few = new_ids(30), new_ids(5)
    with start(queues=[QUEUE, "b"], unit_size=20):
        busy(recorder, queue)
        queue.publish(*many)
        recorder.has_received(31)
        queue.publish(*few, queue="b")
        recorder.has_received(36)
        recorder.gate.set()
        done(queue)
    assert [len(unit) for unit in recorder.units] == [1, 20, 5, 10]
    assert set(recorder.units[2]) == set(few)


def test_a_revoked_task_does_not_run_wherever_it_is_met(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    waiting, other, coming = new_ids(3)
    with start(), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(waiting, other)
        recorder.has_received(3)
        assert celery_app.control.revoke([waiting, coming], reply=True, timeout=10, limit=1)
        queue.publish(coming)
        wait_until(lambda: listener.of(coming) == ["task-revoked"])
        recorder.gate.set()
        wait_until(lambda: listener.of(waiting) == ["task-received", "task-revoked"])
        done(queue)
    assert recorder.units[1:] == [[other]]


def test_an_expired_message_does_not_run(start: Start, recorder: Recorder, queue: Broker, celery_app: Celery) -> None:
    expired, other = new_ids(2)
    with start(), listening(celery_app) as listener:
        busy(recorder, queue)
        queue.publish(expired, expires=datetime.now(UTC) - timedelta(seconds=1))
        queue.publish(other)
        wait_until(lambda: listener.of(expired) == ["task-revoked"])
        recorder.has_received(2)
        recorder.gate.set()
        done(queue)
    assert recorder.units[1:] == [[other]]


@pytest.mark.parametrize(
    "body", [[1], "text", [1, {}, {}], [["x"], [], {}], [["x"], {}, "z"], None, 7, "not json"], ids=str
)
def test_a_body_that_is_no_call_is_dropped_and_the_worker_goes_on(
    start: Start, recorder: Recorder, queue: Broker, body: Any
) -> None:
    bad, good = new_ids(2)
    with start():
        queue.publish(bad)
        wait_until(lambda: recorder.units == [[bad]])
        busy(recorder, queue)
        queue.publish(bad, queue="elsewhere")
        message = json.loads(queue.client.rpop("elsewhere"))  # type: ignore[arg-type]
        message["body"] = body if body == "not json" else json.dumps(body)
        message["properties"]["body_encoding"] = "utf-8"
        queue.client.lpush(QUEUE, json.dumps(message))
        queue.publish(good)
        recorder.has_received(3)
        recorder.gate.set()
        done(queue)
    assert recorder.units[2:] == [[good]]


def test_a_message_with_an_eta_is_left_to_celery(start: Start, recorder: Recorder, queue: Broker) -> None:
    (id_,) = new_ids(1)
    with start():
        queue.publish(id_, eta=datetime.now(UTC) + timedelta(milliseconds=200))
        wait_until(lambda: recorder.units == [[id_]])
        done(queue)


def test_what_a_worker_lost_is_in_no_unit_with_what_it_did_not(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    lost, fresh = new_ids(5), new_ids(5)
    with start():
        busy(recorder, queue)
        queue.publish_lost(*lost)
        queue.publish(*fresh)
        recorder.has_received(11)
        recorder.gate.set()
        done(queue)
    assert sorted(map(sorted, recorder.units[1:])) == sorted([sorted(lost), sorted(fresh)])
    assert recorder.suspects == [False, True, False]


@pytest.mark.parametrize(("places", "most"), [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_suspects_take_half_of_the_places_and_never_the_last(
    start: Start, recorder: Recorder, queue: Broker, places: int, most: int
) -> None:
    lost, fresh = new_ids(8), new_ids(8)
    recorder.gate.clear()
    with start(places=places, unit_size=1):
        queue.publish_lost(*lost)
        recorder.has_received(8)
        wait_until(lambda: len(recorder.units) == most)
        queue.publish(*fresh)
        wait_until(lambda: len(recorder.units) == places)
        assert recorder.suspects.count(True) == most
        recorder.gate.set()
        done(queue)
    assert recorder.suspects.count(True) == 8


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(("places", "wakes"), [(1, True), (2, False)])
def test_a_worker_without_a_place_for_the_next_message_wakes_another_one(
    start: Start, recorder: Recorder, queue: Broker, places: int, wakes: bool
) -> None:
    with start(places=places):
        busy(recorder, queue)
        assert bool(queue.client.keys("*calls")) == wakes


@pytest.mark.usefixtures("fast")
def test_a_worker_with_another_task_in_hand_wakes_another_one(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    begun = threading.Event()

    @celery_app.task(name="alone", acks_late=False, shared=False)  # type: ignore[untyped-decorator]
    def alone() -> None:
        begun.set()
        recorder.gate.wait(60)

    with start(places=3):
        recorder.gate.clear()
        celery_app.send_task("alone", queue=QUEUE)
        assert begun.wait(60)
        assert not queue.client.keys("*calls")
        queue.publish(*new_ids(1))
        wait_until(lambda: recorder.units)
        assert queue.client.keys("*calls")


@pytest.mark.usefixtures("fast")
def test_what_comes_after_more_suspects_than_the_prefetch_limit_does_not_wait_for_them(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    """A killed worker may have held as many messages as the limit of another one; they are taken first."""
    lost, fresh = new_ids(12), new_ids(8)
    recorder.gate.clear()
    celery_app.conf.worker_prefetch_multiplier = 3
    queue.publish_lost(*lost)
    queue.publish(*fresh)
    with start(places=4, unit_size=1):
        wait_until(lambda: len(recorder.units) == 4)
        assert recorder.suspects.count(True) == 2
        recorder.gate.set()
        done(queue)
    assert sorted(recorder.ids) == sorted([*lost, *fresh])


def test_suspects_have_the_only_place_in_turn(start: Start, recorder: Recorder, queue: Broker) -> None:
    lost, fresh = new_ids(4), new_ids(4)
    with start(unit_size=1):
        busy(recorder, queue)
        queue.publish_lost(*lost)
        queue.publish(*fresh)
        recorder.has_received(9)
        recorder.gate.set()
        done(queue)
    assert recorder.suspects[1:] == [True, False] * 4


def collectors(worker: Any) -> list[Collector]:
    bound = [getattr(each, "__self__", None) for each in list(worker.hub.on_tick)]
    return [each for each in bound if isinstance(each, Collector)]


@pytest.mark.usefixtures("stock")
def test_a_cut_connection_loses_nothing_and_leaves_nothing_behind(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    ids = new_ids(30)
    with start() as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        first = busy(recorder, queue)
        queue.publish(*ids)
        recorder.has_received(31)
        before = worker.consumer.restart_count
        queue.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: worker.consumer.restart_count > before, seconds=60)
        recorder.has_received(62)  # what had not started came back, and once more
        recorder.gate.set()
        done(queue)
        wait_until(lambda: len(collectors(worker)) == 1)
    assert {first, *ids} == set(recorder.ids)
    assert all(recorder.ids.count(id_) == 1 for id_ in ids)
