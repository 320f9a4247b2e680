"""The task in a real Celery worker, started by pytest-celery's fixtures, on real Redis and Postgres."""

import io
import logging
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from sqlalchemy import exc
from structlog.testing import capture_logs

import workers.tasks
from notifier import Email, Event
from notifier.broker import Broker, celery_configuration, queue_name
from notifier.notifications import Status
from notifier.outcomes import Outcome
from notifier.routes import Build
from tests.celery_units.listening import listening
from tests.waiting import wait_until
from tests.workers.test_deliverer import Environment, env, hello
from workers.tasks import register

__all__ = ["env"]


@pytest.fixture
def celery_config(broker_url: str) -> dict[str, Any]:
    return celery_configuration(broker_url)


@pytest.fixture
def celery_parameters() -> dict[str, Any]:
    return {"task_cls": "celery.app.task:Task"}


class States:
    """The states of each task, as Celery's signals say."""

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        signals.task_success.connect(self._success)
        signals.task_retry.connect(self._retry)
        signals.task_failure.connect(self._failure)

    def of(self, id_: UUID) -> list[str]:
        with self._lock:
            return list(self.seen.get(str(id_), []))

    def _add(self, id_: str, state: str) -> None:
        with self._lock:
            self.seen.setdefault(id_, []).append(state)

    def _success(self, sender: Any, **_: Any) -> None:
        self._add(sender.request.id, "SUCCESS")

    def _retry(self, request: Any, **_: Any) -> None:
        self._add(request.id, "RETRY")

    def _failure(self, task_id: str, **_: Any) -> None:
        self._add(task_id, "FAILURE")


class Worker:
    """A worker in a thread of this process; the route may be changed while it runs."""

    def __init__(self, app: Celery, env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.build: Build = hello
        self.states = States()
        deliverer = env.deliverer(lambda event: self._build(event))  # noqa: PLW0108  a route is a function
        monkeypatch.setattr(workers.tasks, "deliverer", lambda channel: deliverer)
        register(app)

    def _build(self, event: Event) -> Email | None:
        made: Email | None = self.build(event)
        return made


@pytest.fixture
def worker(
    celery_app: Celery, env: Environment, monkeypatch: pytest.MonkeyPatch, broker_url: str
) -> Iterator[Worker]:
    made = Worker(celery_app, env, monkeypatch)
    with start_worker(celery_app, pool="solo", perform_ping_check=False, queues=[queue_name("email")]):
        yield made


@pytest.fixture
def broker(broker_url: str) -> Iterator[Broker]:
    broker = Broker(broker_url)
    yield broker
    broker.close()


def test_a_published_id_becomes_a_mail_and_the_message_is_acknowledged(
    worker: Worker, env: Environment, broker: Broker
) -> None:
    ids = env.pending("ana@example.com", "bo@example.com")
    broker.publish("email", dict.fromkeys(ids, 0))

    wait_until(lambda: all(env.rows.status(id_) is Status.SENT for id_ in ids))

    wait_until(lambda: broker.held("email") == set())
    wait_until(lambda: [worker.states.of(id_) for id_ in ids] == [["SUCCESS"]] * 2)
    assert [len(env.mails(id_)) for id_ in ids] == [1, 1]


def test_celery_sees_retry_and_failure_under_one_task_id(worker: Worker, env: Environment, broker: Broker) -> None:
    def broken(event: Event) -> Email:
        raise LookupError("ana@example.com is secret")

    worker.build = broken
    (id_,) = env.pending("ana@example.com")
    for count, states in ((0, ["RETRY"]), (1, ["RETRY", "FAILURE"])):
        broker.publish("email", {id_: count})
        wait_until(lambda wanted=states: worker.states.of(id_) == wanted, message=f"{worker.states.seen}")  # type: ignore[misc]

    assert env.rows.status(id_) is Status.FAILED
    wait_until(lambda: broker.held("email") == set())  # a retry waits in the row, not in the broker


def test_a_second_message_for_the_same_id_is_acknowledged_and_ignored(
    worker: Worker, env: Environment, broker: Broker
) -> None:
    (id_,) = env.pending("ana@example.com")
    for _ in range(3):
        broker.publish("email", {id_: 0})

    wait_until(lambda: worker.states.of(id_) == ["SUCCESS"] * 3)
    assert len(env.mails(id_)) == 1


def test_a_message_with_an_unknown_id_is_acknowledged(worker: Worker, env: Environment, broker: Broker) -> None:
    unknown = UUID(int=7)
    broker.publish("email", {unknown: 0})
    wait_until(lambda: worker.states.of(unknown) == ["SUCCESS"])


@pytest.fixture
def celery_log() -> Iterator[io.StringIO]:
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger("celery").addHandler(handler)
    yield handler.stream
    logging.getLogger("celery").removeHandler(handler)


def route_raises(worker: Worker, env: Environment) -> None:
    def broken(event: Event) -> Email:
        raise LookupError(str(event.new))

    worker.build = broken


def channel_raises(worker: Worker, env: Environment) -> None:
    def broken(messages: Any) -> list[Outcome]:
        raise LookupError(messages[0].request.to)

    env.channel.send = broken


def database_raises(worker: Worker, env: Environment) -> None:
    def broken(token: UUID, recipients: Any, lease: float, *, probing: bool) -> Any:
        raise exc.DataError("INSERT", {"to": recipients}, Exception(f"Failing row contains {recipients}"))

    env.attempts.begin = broken


def claim_is_unwritable(worker: Worker, env: Environment) -> None:
    env.rows.run("ALTER TABLE deliveries ADD CHECK (recipient IS NULL)")  # its error quotes the row


@pytest.mark.parametrize("fault", [route_raises, channel_raises, database_raises, claim_is_unwritable])
def test_no_recipient_goes_to_the_broker_or_into_a_log(
    worker: Worker, env: Environment, broker: Broker, celery_app: Celery, celery_log: io.StringIO, fault: Any
) -> None:
    fault(worker, env)
    (id_,) = env.pending("ana@example.com")

    with listening(celery_app) as listener, capture_logs() as logs:
        broker.publish("email", {id_: 0})
        wait_until(lambda: listener.types & {"task-failed", "task-retried"}, message=str(listener.types))

    assert any(str(id_) in each for each in listener.heard)
    assert any(each["log_level"] in {"warning", "error"} for each in logs)
    everything = f"{listener.heard} {logs} {celery_log.getvalue()}"
    assert "ana@example.com" not in everything
    wait_until(lambda: broker.held("email") == set())
