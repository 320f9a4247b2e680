"""The task `notifier.deliver` in units, in a real Celery worker on real Redis; the test replaces the channel."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import pytest
import redis
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

import workers.tasks
from celery_units.redis import use_transport
from celery_units.unfinished import Unfinished
from notifier.broker import TASK, Broker, queue_name
from notifier.errors import Unreachable
from notifier.notifications import Status
from notifier.outbox import Change
from tests.celery_units.listening import listening
from tests.waiting import wait_until
from tests.workers.test_tasks import broker, celery_config, celery_parameters
from workers.process.stop import Stop
from workers.tasks import register

__all__ = ["broker", "celery_config", "celery_parameters"]


class Deliveries:
    """In the place of a channel's deliverer: remembers the units, holds them up, and answers what the test says."""

    def __init__(self) -> None:
        self.units: list[list[UUID]] = []
        self.suspects: list[bool] = []
        self.answers: dict[UUID, Status] = {}
        self.errors: list[Exception] = []
        self.poison: UUID | None = None
        self.later: dict[UUID, Unfinished] = {}
        self.marked: set[UUID] = set()
        self.gate = threading.Event()
        self.gate.set()
        self._received = 0
        signals.task_received.connect(self._receive)

    def deliver(self, ids: Sequence[UUID], *, suspects: bool = False) -> dict[UUID, Change | Unfinished]:
        self.units.append(list(ids))
        self.suspects.append(suspects)
        self.gate.wait(60)
        if self.errors:
            raise self.errors.pop()
        if self.poison in ids:
            raise ValueError("ana@example.com")
        done = {id_: Change(id_, self.answers.get(id_, Status.SENT), delay=1.0) for id_ in ids}
        if not suspects:
            done |= {id_: Unfinished(suspects=True) for id_ in self.marked.intersection(done)}
        return done | {id_: later for id_, later in self.later.items() if id_ in done and not later.wait(0)}

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
    monkeypatch.setattr(workers.tasks, "deliverer", lambda channel: made)
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


def busy(deliveries: Deliveries, broker: Broker) -> UUID:
    """A message that keeps the only place of the pool until the gate opens."""
    deliveries.gate.clear()
    (id_,) = new_ids(1)
    before = len(deliveries.units)
    broker.publish("email", {id_: 0})
    wait_until(lambda: len(deliveries.units) > before)
    return id_


def done(broker: Broker) -> None:
    """Every message was acknowledged."""
    wait_until(lambda: broker.held("email") == set())


ENDS = {
    Status.SENT: ["task-received", "task-started", "task-succeeded"],
    Status.SKIPPED: ["task-received", "task-started", "task-succeeded"],
    Status.PENDING: ["task-received", "task-started", "task-retried"],
    Status.FAILED: ["task-received", "task-started", "task-failed"],
    Status.UNKNOWN: ["task-received", "task-started", "task-failed"],
}


def test_every_message_of_a_unit_has_its_own_end(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery
) -> None:
    ids = dict(zip(ENDS, new_ids(len(ENDS)), strict=True))
    deliveries.answers = {id_: status for status, id_ in ids.items()}
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        broker.publish("email", dict.fromkeys(ids.values(), 0))
        deliveries.has_received(len(ids) + 1)
        deliveries.gate.set()
        done(broker)
        assert len(deliveries.units) == 2
        for status, id_ in ids.items():
            wait_until(lambda id_=id_, ends=ENDS[status]: listener.of(id_) == ends, message=str(status))  # type: ignore[misc]


@pytest.mark.parametrize("args", [[], ["nonsense"], [1], ["a", "b"], [None]], ids=str)
def test_arguments_that_are_no_id_fail_alone(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery, args: list[Any]
) -> None:
    bad, *good = new_ids(4)
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        celery_app.send_task(TASK, args, task_id=str(bad), queue=queue_name("email"))
        broker.publish("email", dict.fromkeys(good, 0))
        deliveries.has_received(5)
        deliveries.gate.set()
        wait_until(lambda: listener.of(bad) == ENDS[Status.FAILED])
        done(broker)
    assert set(deliveries.units[1]) == set(good)


def test_messages_for_one_id_in_one_unit_end_each(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery
) -> None:
    (id_,) = new_ids(1)
    deliveries.answers = {id_: Status.PENDING}
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        for _ in range(3):
            broker.publish("email", {id_: 0})
        deliveries.has_received(4)
        deliveries.gate.set()
        done(broker)
        ends = ("task-retried", "task-succeeded")
        wait_until(lambda: sorted(each for each in listener.of(id_) if each in ends) == [ends[0], ends[1], ends[1]])
    assert deliveries.units[1:] == [[id_] * 3]


def test_a_database_that_stays_away_gives_the_whole_unit_back(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery
) -> None:
    ids = new_ids(20)
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        broker.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(21)
        deliveries.errors = [Unreachable("away"), Unreachable("away")]  # for both units that are here now
        deliveries.gate.set()
        wait_until(lambda: all("task-succeeded" in listener.of(id_) for id_ in ids))
        done(broker)
        assert all(listener.of(id_)[:3] == ["task-received", "task-started", "task-rejected"] for id_ in ids)
    assert sorted(deliveries.delivered[1:21]) == sorted(ids)
    assert all(deliveries.delivered.count(id_) == 2 for id_ in ids)


def test_where_a_unit_raises_only_the_one_at_fault_fails(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery
) -> None:
    bad, *good = new_ids(10)
    deliveries.poison = bad
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        broker.publish("email", dict.fromkeys((bad, *good), 0))
        deliveries.has_received(11)
        deliveries.gate.set()
        wait_until(lambda: listener.of(bad) == ENDS[Status.FAILED])
        wait_until(lambda: all(listener.of(id_) == ENDS[Status.SENT] for id_ in good))
        done(broker)
        assert "ana@example.com" not in str(listener.heard)


def test_where_tasks_run_one_by_one_the_database_is_waited_for_once(
    start: Start, deliveries: Deliveries, broker: Broker, celery_app: Celery
) -> None:
    ids = new_ids(10)
    with start(), listening(celery_app) as listener:
        busy(deliveries, broker)
        broker.publish("email", dict.fromkeys(ids, 0))
        deliveries.has_received(11)
        deliveries.errors = [Unreachable("away"), ValueError("the unit"), ValueError("what keeps it busy")]
        deliveries.gate.set()
        wait_until(lambda: all("task-succeeded" in listener.of(id_) for id_ in ids))
        done(broker)
        assert all("task-rejected" in listener.of(id_) for id_ in ids)


@pytest.fixture
def fast() -> Iterator[None]:
    use_transport("fast")
    yield
    use_transport("stock")


@pytest.mark.usefixtures("fast")
def test_what_goes_back_because_the_worker_ends_is_first_again_and_in_order(
    start: Start, deliveries: Deliveries, broker: Broker, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending, ids = Stop(), new_ids(60)
    monkeypatch.setattr("workers.tasks.stop", lambda: ending)
    with start(unit_size=20) as worker, redis.Redis.from_url(broker_url) as client:
        first = busy(deliveries, broker)
        broker.publish("email", dict.fromkeys(ids, 0))
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
    assert set(broker.held("email")) == set(waiting)
