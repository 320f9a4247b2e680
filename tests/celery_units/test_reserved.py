"""Messages that units take without kombu's objects: Celery's request is made as soon as anything needs it."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery, signals
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import state
from celery.worker.request import Request

from celery_units.redis.alike import AlikeMessage
from celery_units.redis.channel import RedisChannel
from celery_units.reserved import ReservedRequest
from tests.celery_units.app import QUEUE, Broker, new_ids
from tests.celery_units.conftest import Start
from tests.celery_units.listening import listening
from tests.celery_units.recording import FAILED, RETRIED, TASK, Recorder, busy, done, fails, retries
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("fast")


def is_incomplete(id_: str) -> bool:
    request = state.requests[id_]
    return isinstance(request, ReservedRequest) and "_reserved" in vars(request)


def test_what_succeeds_needs_no_request_of_celery(start: Start, recorder: Recorder, queue: Broker) -> None:
    (id_,) = new_ids(1)
    with start(event_sample=0):
        first = busy(recorder, queue)
        queue.publish(id_)
        recorder.has_received(2)
        wait_until(lambda: {each.id for each in state.active_requests} == {first})
        requests = [state.requests[first], state.requests[id_]]
        assert is_incomplete(first)
        assert is_incomplete(id_)
        assert requests[0].worker_pid
        assert requests[0].time_start >= requests[0].received_at
        before = state.total_count[TASK], state.all_total_count[0]
        recorder.gate.set()
        done(queue)
        wait_until(lambda: not state.requests)
        assert (state.total_count[TASK], state.all_total_count[0]) == (before[0] + 1, before[1] + 1)
        assert all(request.acknowledged and "_reserved" in vars(request) for request in requests)
        assert not [*state.active_requests, *state.reserved_requests]


PROPERTIES = [name for name in dir(Request) if isinstance(getattr(Request, name), property)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kwargs": {"x": 1}},
        {"shadow": "other name", "root_id": "r", "parent_id": "p", "group_id": "g", "group_index": 3},
        {"priority": 3, "reply_to": "answers", "ignore_result": False},
        {"headers": {"stamped_headers": ["day"], "stamps": {"day": "monday"}, "own": 1}},
    ],
    ids=str,
)
def test_the_request_that_is_made_is_that_of_celery(
    start: Start, recorder: Recorder, queue: Broker, options: dict[str, Any]
) -> None:
    """Also that of the second message of its kind, which is not decoded."""
    ids = new_ids(2)
    with start(event_sample=0) as worker:
        busy(recorder, queue)
        queue.publish(*ids, **options)
        recorder.has_received(3)
        for id_ in ids:
            wait_until(lambda: id_ in state.requests)  # noqa: B023
            assert is_incomplete(id_)
        assert isinstance(vars(state.requests[ids[1]])["_reserved"], AlikeMessage)
        channel = worker.consumer.connection.default_channel
        assert isinstance(channel, RedisChannel)
        for id_ in ids:
            assert_as_of_celery(id_, json.loads(queue.client.hget("unacked", payload_tag(queue, id_)))[0], channel)  # type: ignore[arg-type]
        recorder.gate.set()
        done(queue)


def assert_as_of_celery(id_: str, payload: dict[str, Any], channel: RedisChannel) -> None:
    reserved = state.requests[id_]
    given = reserved.request_dict
    message = channel.Message(payload, channel=channel)
    options = {name: getattr(reserved, name) for name in ("app", "hostname", "eventer", "task", "utc")}
    options["connection_errors"] = reserved.connection_errors
    whole = Request(message, headers=message.headers, body=message.payload, decoded=True, **options)
    assert reserved.request_dict is given
    for name in ["id", "name", "time_limits", *PROPERTIES]:
        if name not in {"on_ack", "on_reject", "message"}:
            assert getattr(reserved, name) == getattr(whole, name), name
    assert reserved.info() == whole.info()
    assert repr(vars(reserved._context)) == repr(vars(whole._context))
    assert not hasattr(reserved, "no_such_attribute")


def payload_tag(queue: Broker, id_: str) -> bytes:
    (tag,) = (tag for tag, entry in queue.client.hgetall("unacked").items() if id_ in entry.decode())
    return bytes(tag)


def test_remote_control_shows_what_runs_and_what_waits(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    (waiting,) = new_ids(1)
    with start(event_sample=0):
        active = busy(recorder, queue)
        queue.publish(waiting)
        recorder.has_received(2)
        inspect = celery_app.control.inspect(timeout=10, limit=1)
        (shown,) = inspect.active().values()
        assert [(each["id"], each["args"], each["acknowledged"]) for each in shown] == [(active, [active], False)]
        assert shown[0]["worker_pid"]
        (shown,) = inspect.reserved().values()
        assert [(each["id"], each["delivery_info"]["routing_key"]) for each in shown] == [(waiting, QUEUE)]
        (found,) = inspect.query_task(active, waiting).values()
        assert {id_: kind for id_, (kind, _) in found.items()} == {active: "active", waiting: "reserved"}
        recorder.gate.set()
        done(queue)
        assert [*inspect.query_task(active, waiting).values()] == [{}]
    assert recorder.units == [[active], [waiting]]


def test_a_receiver_of_the_signal_has_the_whole_request(start: Start, recorder: Recorder, queue: Broker) -> None:
    seen: list[Any] = []

    def received(request: Any, **_: Any) -> None:
        seen.append((request.id, request.args, request.argsrepr, request.message.delivery_info["routing_key"]))

    (id_,) = new_ids(1)
    signals.task_received.connect(received)
    try:
        with start(event_sample=0):
            queue.publish(id_)
            done(queue)
    finally:
        signals.task_received.disconnect(received)
    assert seen == [(id_, [id_], str([id_]), QUEUE)]


def eta() -> dict[str, Any]:
    return {"eta": datetime.now(UTC) + timedelta(milliseconds=200)}


@pytest.mark.parametrize(
    "options",
    [
        eta,
        lambda: {"expires": datetime.now(UTC) + timedelta(hours=1)},
        lambda: {"time_limit": 60},
        lambda: {"compression": "gzip"},
        lambda: {"serializer": "yaml"},
    ],
    ids=["eta", "expires", "time limit", "compression", "serializer"],
)
def test_what_is_not_usual_comes_by_way_of_kombu(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery, options: Callable[[], dict[str, Any]]
) -> None:
    celery_app.conf.accept_content = ["json", "yaml"]
    (id_,) = new_ids(1)
    with start(event_sample=0):
        busy(recorder, queue)
        queue.publish(id_, **options())
        recorder.has_received(2)
        wait_until(lambda: id_ in state.requests)
        assert not isinstance(state.requests[id_], ReservedRequest)
        recorder.gate.set()
        done(queue)
    assert recorder.ids.count(id_) == 1


def test_a_rate_limit_is_kept(start: Start, recorder: Recorder, queue: Broker) -> None:
    with start(rate_limit="1/h") as worker:
        queue.publish(*new_ids(3))
        recorder.has_received(3)
        wait_until(lambda: len(recorder.units) == 1)
        wait_until(lambda: len(worker.consumer.task_buckets[TASK].contents) == 2)
        worker.consumer.app.tasks[TASK].rate_limit = None
        assert len(recorder.units) == 1


def test_a_callback_for_each_message_is_called(start: Start, recorder: Recorder, queue: Broker) -> None:
    """Celery's autoscaler adds one."""
    seen: list[str] = []
    with start() as worker:
        worker.consumer.on_task_message.add(lambda request: seen.append(request.id))
        ids = new_ids(3)
        queue.publish(*ids)
        done(queue)
    assert seen == ids


def start_over(worker: Any) -> None:
    """Let the worker's consumer connect again, as it does if the transport cannot."""

    def fail() -> None:
        raise ConnectionError("the test broke the connection")

    before = worker.consumer.restart_count
    worker.consumer.call_soon(fail)
    wait_until(lambda: worker.consumer.restart_count > before, seconds=60)


def test_a_new_connection_loses_nothing_and_leaves_nothing_behind(
    start: Start, recorder: Recorder, queue: Broker
) -> None:
    ids = new_ids(30)
    with start(event_sample=0) as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        first = busy(recorder, queue)
        queue.publish(*ids)
        recorder.has_received(31)
        old = worker.consumer.connection.default_channel
        start_over(worker)
        recorder.has_received(62)  # all came once more, also the one that runs
        recorder.gate.set()
        done(queue)
        assert worker.consumer.connection.default_channel is not old
        wait_until(lambda: not state.requests)
        assert not [*state.active_requests, *state.reserved_requests]
    assert {first, *ids} == set(recorder.ids)
    assert all(recorder.ids.count(id_) == 1 for id_ in ids)


@pytest.mark.parametrize(("completion", "events"), [(fails, FAILED), (retries, RETRIED)])
def test_a_task_that_ends_after_its_connection_is_shown_over_the_next(
    start: Start,
    recorder: Recorder,
    queue: Broker,
    celery_app: Celery,
    completion: Callable[[], Any],
    events: list[str],
) -> None:
    with start(event_sample=0) as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        id_ = busy(recorder, queue)
        recorder.completions = {id_: completion}
        start_over(worker)
        recorder.has_received(2)
        with listening(celery_app) as listener:
            assert is_incomplete(id_)
            recorder.gate.set()
            done(queue)
            wait_until(lambda: len(listener.of(id_)) >= 2 * len(events))  # the message came again, and ended again
    assert recorder.units == [[id_], [id_]]
    assert sorted(listener.of(id_)) == sorted(events * 2)


def test_where_prefetching_is_off_no_message_is_taken_before_its_turn(
    start: Start, recorder: Recorder, queue: Broker, celery_app: Celery
) -> None:
    celery_app.conf.worker_disable_prefetch = True
    ids, turned = new_ids(3), threading.Event()
    with start(event_sample=0) as worker:
        first = busy(recorder, queue)
        assert not isinstance(state.requests[first], ReservedRequest)
        queue.publish(*ids)
        worker.consumer.call_soon(turned.set)
        assert turned.wait(10)
        assert [*state.requests] == [first]
        assert queue.waiting() == ids
        recorder.gate.set()
        done(queue)
    assert recorder.units == [[first], *([id_] for id_ in ids)]


def test_messages_of_several_kinds_keep_their_order(start: Start, recorder: Recorder, queue: Broker) -> None:
    """Those of one kind are handed out together, fifty at most."""
    ids = new_ids(160)
    with start(event_sample=0):
        first = busy(recorder, queue)
        queue.publish(*ids[:120])
        for place in range(120, 150, 3):
            queue.publish(ids[place], shadow="other name")
            queue.publish(*ids[place + 1 : place + 3], root_id="r")
        queue.publish(*ids[150:])
        recorder.has_received(161)
        recorder.gate.set()
        done(queue)
    assert recorder.units == [[first], ids]
