"""Units in a real Celery worker on real Redis; the deliveries themselves are the test's own."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from celery import Celery, signals
from celery.app.trace import build_tracer
from celery.contrib.testing.worker import start_worker
from celery.events.state import State
from celery.exceptions import CPendingDeprecationWarning

import workers.tasks
from celery_units.later import Later
from celery_units.redis import use_transport
from celery_units.strategy import Collector
from celery_units.units import run_unit
from notifier.broker import TASK, Queue, queue_name
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change
from tests.waiting import wait_until
from tests.workers.test_tasks import celery_config, celery_parameters, listening, queue
from workers.process.stop import Stop
from workers.tasks import register

__all__ = ["celery_config", "celery_parameters", "queue"]


class Deliveries:
    """In the place of a channel's delivery: remembers the units, holds them up, and answers what the test says."""

    def __init__(self) -> None:
        self.units: list[list[UUID]] = []
        self.suspects: list[bool] = []
        self.answers: dict[UUID, Status] = {}
        self.errors: list[Exception] = []
        self.poison: UUID | None = None
        self.later: dict[UUID, Later] = {}
        self.marked: set[UUID] = set()
        self.gate = threading.Event()
        self.gate.set()
        self._received = 0
        signals.task_received.connect(self._receive)

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> dict[UUID, Change | Later]:
        self.units.append(list(ids))
        self.suspects.append(suspects)
        self.gate.wait(60)
        if self.errors:
            raise self.errors.pop()
        if self.poison in ids:
            raise ValueError("ana@example.com")
        done = {id_: Change(id_, self.answers.get(id_, Status.SENT), delay=1.0) for id_ in ids}
        if not suspects:
            done |= {id_: Later(suspects=True) for id_ in self.marked.intersection(done)}
        return done | {id_: later for id_, later in self.later.items() if id_ in done and not later.has_ended}

    def has_received(self, count: int) -> None:
        """The worker has taken so many messages in hand since it started."""
        wait_until(lambda: self._received == count, message=f"{self._received} of {count}")

    def _receive(self, **_: Any) -> None:
        self._received += 1

    @property
    def delivered(self) -> list[UUID]:
        return [id_ for unit in self.units for id_ in unit]


Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliveries]:
    made = Deliveries()
    monkeypatch.setattr(workers.tasks, "delivery", lambda channel: made)
    yield made
    made.gate.set()


@pytest.fixture
def start(celery_app: Celery, deliveries: Deliveries) -> Start:
    @contextmanager
    def worker(channels: Sequence[str] = ("email",), pool: str = "threads", places: int = 1, **options: Any) -> Any:
        register(celery_app, **{"event_sample": 1_000, **options})
        queues = [queue_name(channel) for channel in channels]
        with start_worker(
            celery_app, pool=pool, concurrency=places, perform_ping_check=False, queues=queues
        ) as started:
            try:
                yield started
            finally:
                deliveries.gate.set()

    return worker


def new_ids(count: int) -> list[UUID]:
    return [uuid.uuid4() for _ in range(count)]


def busy(deliveries: Deliveries, queue: Queue) -> UUID:
    """A message that keeps the only place of the pool until the gate opens."""
    deliveries.gate.clear()
    (id_,) = new_ids(1)
    before = len(deliveries.units)
    queue.publish("email", {id_: 0})
    wait_until(lambda: len(deliveries.units) > before)
    return id_


def done(queue: Queue) -> None:
    """Every message was acknowledged."""
    wait_until(lambda: queue.held("email") == set())


def test_an_idle_worker_sends_each_message_at_once(start: Start, deliveries: Deliveries, queue: Queue) -> None:
    ids = new_ids(3)
    with start():
        for number, id_ in enumerate(ids):
            queue.publish("email", {id_: 0})
            wait_until(lambda number=number: len(deliveries.units) == number + 1)  # type: ignore[misc]
            done(queue)
    assert deliveries.units == [[id_] for id_ in ids]


def test_what_comes_while_the_pool_is_busy_becomes_one_unit(
    start: Start, deliveries: Deliveries, queue: Queue
) -> None:
    ids = new_ids(50)
    with start():
        first = busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(51)
        deliveries.gate.set()
        done(queue)
    assert [len(unit) for unit in deliveries.units] == [1, 50]
    assert set(deliveries.delivered) == {first, *ids}


def test_units_grow_to_their_limit_and_no_further(start: Start, deliveries: Deliveries, queue: Queue) -> None:
    with start(unit_size=20):
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(new_ids(50), 0))
        deliveries.has_received(51)
        deliveries.gate.set()
        done(queue)
    assert [len(unit) for unit in deliveries.units] == [1, 20, 20, 10]


def test_a_unit_is_of_one_channel_and_none_has_to_wait_for_the_backlog_of_another(
    start: Start, deliveries: Deliveries, queue: Queue
) -> None:
    mails, texts = new_ids(30), new_ids(5)
    with start(channels=["email", "sms"], unit_size=20):
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(mails, 0))
        deliveries.has_received(31)
        queue.publish("sms", dict.fromkeys(texts, 0))
        deliveries.has_received(36)
        deliveries.gate.set()
        done(queue)
    assert [len(unit) for unit in deliveries.units] == [1, 20, 5, 10]
    assert set(deliveries.units[2]) == set(texts)


ENDS = {
    Status.SENT: ["task-received", "task-started", "task-succeeded"],
    Status.SKIPPED: ["task-received", "task-started", "task-succeeded"],
    Status.PENDING: ["task-received", "task-started", "task-retried"],
    Status.FAILED: ["task-received", "task-started", "task-failed"],
    Status.UNKNOWN: ["task-received", "task-started", "task-failed"],
}


def test_every_message_of_a_unit_has_its_own_end(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    ids = dict(zip(ENDS, new_ids(len(ENDS)), strict=True))
    deliveries.answers = {id_: status for status, id_ in ids.items()}
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids.values(), 0))
        deliveries.has_received(len(ids) + 1)
        deliveries.gate.set()
        done(queue)
        assert len(deliveries.units) == 2
        for status, id_ in ids.items():
            wait_until(lambda id_=id_, ends=ENDS[status]: listener.of(id_) == ends, message=str(status))  # type: ignore[misc]


def test_an_unusual_end_is_shown_in_full_however_small_the_sample(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    good, retried, failed = new_ids(3)
    deliveries.answers = {retried: Status.PENDING, failed: Status.FAILED}
    with start(event_sample=0), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys((good, retried, failed), 0))
        deliveries.has_received(4)
        deliveries.gate.set()
        wait_until(lambda: listener.of(retried) == ENDS[Status.PENDING])
        wait_until(lambda: listener.of(failed) == ENDS[Status.FAILED])
        done(queue)
        assert listener.of(good) == []

        flower = State()
        for event in listener.events:
            flower.event(event)
        task = flower.tasks[str(failed)]
        assert (task.name, task.state, task.worker is not None) == (TASK, "FAILURE", True)
        assert task.received <= task.started <= task.failed


def test_signals_are_sent_as_for_a_task_alone(start: Start, deliveries: Deliveries, queue: Queue) -> None:
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
            busy(deliveries, queue)
            queue.publish("email", dict.fromkeys(ids, 0))
            deliveries.has_received(6)
            deliveries.gate.set()
            done(queue)
    finally:
        signals.task_prerun.disconnect(prerun)
        signals.task_success.disconnect(success)
    assert len(deliveries.units) == 2
    assert {("prerun", str(id_)) for id_ in ids} | {("sent", str(id_)) for id_ in ids} <= set(seen)


def test_a_revoked_task_is_not_delivered_wherever_it_is_met(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    waiting, other, coming = new_ids(3)
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys((waiting, other), 0))
        deliveries.has_received(3)
        assert celery_app.control.revoke([str(waiting), str(coming)], reply=True, timeout=10, limit=1)
        queue.publish("email", {coming: 0})
        wait_until(lambda: listener.of(coming) == ["task-revoked"])
        deliveries.gate.set()
        wait_until(lambda: listener.of(waiting) == ["task-received", "task-revoked"])
        done(queue)
    assert deliveries.units[1:] == [[other]]


def test_an_expired_message_is_not_delivered(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    expired, other = new_ids(2)
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        send(celery_app, expired, expires=datetime.now(UTC) - timedelta(seconds=1))
        queue.publish("email", {other: 0})
        wait_until(lambda: listener.of(expired) == ["task-revoked"])
        deliveries.has_received(2)
        deliveries.gate.set()
        done(queue)
    assert deliveries.units[1:] == [[other]]


def send(app: Celery, id_: UUID, args: Any = None, **options: Any) -> None:
    arguments = [str(id_)] if args is None else args
    app.send_task(TASK, arguments, task_id=str(id_), queue=queue_name("email"), **options)


@pytest.mark.parametrize("args", [[], ["nonsense"], [1], ["a", "b"], [None]], ids=str)
def test_arguments_that_are_no_id_fail_alone(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery, args: list[Any]
) -> None:
    bad, *good = new_ids(4)
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        send(celery_app, bad, args)
        queue.publish("email", dict.fromkeys(good, 0))
        deliveries.has_received(5)
        deliveries.gate.set()
        wait_until(lambda: listener.of(bad) == ENDS[Status.FAILED])
        done(queue)
    assert set(deliveries.units[1]) == set(good)


@pytest.mark.parametrize(
    "body", [[1], "text", [1, {}, {}], [["x"], [], {}], [["x"], {}, "z"], None, 7, "not json"], ids=str
)
def test_a_body_that_is_no_call_is_dropped_and_the_worker_lives(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str, body: Any
) -> None:
    bad, good = new_ids(2)
    with start():
        queue.publish("email", {bad: 0})
        wait_until(lambda: deliveries.units == [[bad]])
        with redis.Redis.from_url(broker_url) as client:
            busy(deliveries, queue)
            queue.publish("sms", {bad: 0})
            message = json.loads(client.rpop(queue_name("sms")))  # type: ignore[arg-type]
            message["body"] = body if body == "not json" else json.dumps(body)
            client.lpush(queue_name("email"), json.dumps(message))
        queue.publish("email", {good: 0})
        deliveries.has_received(3)
        deliveries.gate.set()
        done(queue)
    assert deliveries.units[2:] == [[good]]


def test_messages_for_one_id_in_one_unit_end_each(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    (id_,) = new_ids(1)
    deliveries.answers = {id_: Status.PENDING}
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        for _ in range(3):
            queue.publish("email", {id_: 0})
        deliveries.has_received(4)
        deliveries.gate.set()
        done(queue)
        ends = ("task-retried", "task-succeeded")
        wait_until(lambda: sorted(each for each in listener.of(id_) if each in ends) == [ends[0], ends[1], ends[1]])
    assert deliveries.units[1:] == [[id_] * 3]


def test_a_database_that_stays_away_gives_the_whole_unit_back(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    ids = new_ids(20)
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(21)
        deliveries.errors = [Unreachable("away"), Unreachable("away")]  # for both units that are here now
        deliveries.gate.set()
        wait_until(lambda: all("task-succeeded" in listener.of(id_) for id_ in ids))
        done(queue)
        assert all(listener.of(id_)[:3] == ["task-received", "task-started", "task-rejected"] for id_ in ids)
    assert sorted(deliveries.delivered[1:21]) == sorted(ids)
    assert all(deliveries.delivered.count(id_) == 2 for id_ in ids)


def test_where_a_unit_raises_only_the_one_at_fault_fails(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    bad, *good = new_ids(10)
    deliveries.poison = bad
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys((bad, *good), 0))
        deliveries.has_received(11)
        deliveries.gate.set()
        wait_until(lambda: listener.of(bad) == ENDS[Status.FAILED])
        wait_until(lambda: all(listener.of(id_) == ENDS[Status.SENT] for id_ in good))
        done(queue)
        assert "ana@example.com" not in str(listener.heard)


def test_where_tasks_run_one_by_one_the_database_is_waited_for_once(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    ids = new_ids(10)
    with start(), listening(celery_app) as listener:
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(11)
        deliveries.errors = [Unreachable("away"), ValueError("the unit"), ValueError("what keeps it busy")]
        deliveries.gate.set()
        wait_until(lambda: all("task-succeeded" in listener.of(id_) for id_ in ids))
        done(queue)
        assert all("task-rejected" in listener.of(id_) for id_ in ids)


def test_a_slow_message_of_a_unit_goes_on_in_a_unit_of_its_own(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    slow, slower, *quick = new_ids(20)
    deliveries.later = {slow: Later(), slower: Later()}
    with start(), listening(celery_app) as listener:
        first = busy(deliveries, queue)
        queue.publish("email", dict.fromkeys((slow, slower, *quick), 0))
        deliveries.has_received(21)
        deliveries.gate.set()
        wait_until(lambda: queue.held("email") == {slow, slower})  # each is acknowledged at its own end
        (other,) = new_ids(1)
        queue.publish("email", {other: 0})
        wait_until(lambda: other in deliveries.delivered)  # the only place of the pool is free
        for each in deliveries.later.values():
            each.end()
        done(queue)
        for id_ in (first, slow, slower, *quick, other):
            wait_until(lambda id_=id_: listener.of(id_) == ENDS[Status.SENT], message=str(id_))  # type: ignore[misc]
    assert sorted(deliveries.units[-1]) == sorted((slow, slower)) or deliveries.units[-2:] == [[slow], [slower]]


def test_a_slow_message_ends_though_its_connection_is_gone(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str
) -> None:
    (slow,) = new_ids(1)
    deliveries.later = {slow: Later()}
    with start() as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        queue.publish("email", {slow: 0})
        wait_until(lambda: deliveries.units == [[slow]])
        before = worker.consumer.restart_count
        with redis.Redis.from_url(broker_url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: worker.consumer.restart_count > before, seconds=60)
        deliveries.has_received(2)  # it came again
        deliveries.later[slow].end()
        done(queue)
    assert 3 <= len(deliveries.units) <= 4  # both messages, and both again


def publish_lost(queue: Queue, ids: Sequence[UUID], broker_url: str) -> None:
    """As the broker gives again what it had to take back."""
    queue.publish("sms", dict.fromkeys(ids, 0))
    with redis.Redis.from_url(broker_url) as client:
        while message := client.rpop(queue_name("sms")):
            again = json.loads(message)  # type: ignore[arg-type]
            again["headers"]["losses"] = 1
            again["properties"]["delivery_info"]["routing_key"] = queue_name("email")
            client.lpush(queue_name("email"), json.dumps(again))


def test_what_a_worker_lost_is_no_neighbour_of_what_it_did_not(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str
) -> None:
    lost, fresh = new_ids(5), new_ids(5)
    with start():
        busy(deliveries, queue)
        publish_lost(queue, lost, broker_url)
        queue.publish("email", dict.fromkeys(fresh, 0))
        deliveries.has_received(11)
        deliveries.gate.set()
        done(queue)
    assert sorted(map(sorted, deliveries.units[1:])) == sorted([sorted(lost), sorted(fresh)])
    assert deliveries.suspects == [False, True, False]


@pytest.mark.parametrize(("places", "most"), [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_suspects_take_half_of_the_places_and_never_the_last(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str, places: int, most: int
) -> None:
    lost, fresh = new_ids(8), new_ids(8)
    deliveries.gate.clear()
    with start(places=places, unit_size=1):
        publish_lost(queue, lost, broker_url)
        deliveries.has_received(8)
        wait_until(lambda: len(deliveries.units) == most)
        queue.publish("email", dict.fromkeys(fresh, 0))
        wait_until(lambda: len(deliveries.units) == places)
        assert deliveries.suspects.count(True) == most
        deliveries.gate.set()
        done(queue)
    assert deliveries.suspects.count(True) == 8


def test_suspects_have_the_only_place_in_turn(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str
) -> None:
    lost, fresh = new_ids(4), new_ids(4)
    with start(unit_size=1):
        busy(deliveries, queue)
        publish_lost(queue, lost, broker_url)
        queue.publish("email", dict.fromkeys(fresh, 0))
        deliveries.has_received(9)
        deliveries.gate.set()
        done(queue)
    assert deliveries.suspects[1:] == [True, False] * 4


def test_what_the_database_knows_as_a_suspect_runs_again_among_suspects(
    start: Start, deliveries: Deliveries, queue: Queue
) -> None:
    marked, other = new_ids(2)
    deliveries.marked = {marked}
    with start():
        busy(deliveries, queue)
        queue.publish("email", dict.fromkeys((marked, other), 0))
        deliveries.has_received(3)
        deliveries.gate.set()
        done(queue)
    assert deliveries.units[-1] == [marked]
    assert deliveries.suspects == [False, False, True]


def test_a_message_for_later_is_left_to_celery(
    start: Start, deliveries: Deliveries, queue: Queue, celery_app: Celery
) -> None:
    (id_,) = new_ids(1)
    with start():
        send(celery_app, id_, eta=datetime.now(UTC) + timedelta(milliseconds=200))
        wait_until(lambda: deliveries.units == [[id_]])
        done(queue)


def collectors(worker: Any) -> list[Collector]:
    bound = [getattr(each, "__self__", None) for each in list(worker.hub.on_tick)]
    return [each for each in bound if isinstance(each, Collector)]


def test_a_cut_connection_loses_nothing_and_leaves_nothing_behind(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str
) -> None:
    ids = new_ids(30)
    with start() as worker, pytest.warns(CPendingDeprecationWarning, match="connection loss"):  # noqa: PT031
        first = busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(31)
        before = worker.consumer.restart_count
        with redis.Redis.from_url(broker_url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: worker.consumer.restart_count > before, seconds=60)
        deliveries.has_received(62)  # what was only received came back, and once more
        deliveries.gate.set()
        done(queue)
        wait_until(lambda: len(collectors(worker)) == 1)
    assert {first, *ids} == set(deliveries.delivered)
    assert all(deliveries.delivered.count(id_) == 1 for id_ in ids)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED])
def test_what_is_not_sent_keeps_no_frames(celery_app: Celery, deliveries: Deliveries, status: Status) -> None:
    task = register(celery_app)
    task.__trace__ = build_tracer(task.name, task, celery_app.loader, "here", app=celery_app)
    ids = new_ids(3)
    deliveries.answers = dict.fromkeys(ids, status)
    info = {"routing_key": queue_name("email")}
    requests = [
        {"id": str(id_), "args": [str(id_)], "kwargs": {}, "delivery_info": info, "retries": 0, "task": task.name}
        for id_ in ids
    ]

    for failed, told, _ in run_unit(task, requests):
        assert failed
        assert told.tb is None


@pytest.fixture
def fast() -> Iterator[None]:
    use_transport("fast")
    yield
    use_transport("stock")


@pytest.mark.usefixtures("fast")
def test_what_goes_back_because_the_worker_ends_is_first_again_and_in_order(
    start: Start, deliveries: Deliveries, queue: Queue, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending, ids = Stop(), new_ids(60)
    monkeypatch.setattr("workers.tasks.stop", lambda: ending)
    with start(unit_size=20) as worker, redis.Redis.from_url(broker_url) as client:
        first = busy(deliveries, queue)
        queue.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(61)
        for _ in range(20):  # for as long as the worker takes to hear of its end
            deliveries.errors.append(Unreachable("this worker ends"))
        ending.set()
        deliveries.gate.set()
        wait_until(lambda: len(deliveries.units) >= 2)
        worker.consumer.call_soon(lambda: None)
        assert client.llen("notifier.email") == 0  # nothing is sent behind the others
    with redis.Redis.from_url(broker_url) as client:
        waiting = [
            UUID(json.loads(each)["headers"]["id"]) for each in reversed(client.lrange("notifier.email", 0, -1))
        ]
    assert [[first, *ids].index(each) for each in waiting] == [*range(61)]
    assert set(queue.held("email")) == set(waiting)
