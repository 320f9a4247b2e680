"""The task in a real Celery worker, started by pytest-celery's fixtures, on real Redis and Postgres."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker

import workers.tasks
from notifier import Email, Event
from notifier.broker import Queue, celery_configuration, queue_name
from notifier.notifications import Status
from notifier.routes import Build
from tests.waiting import wait_until
from tests.workers.test_deliver import Post, hello, post
from workers.tasks import register

__all__ = ["post"]


@pytest.fixture
def celery_config(broker_url: str) -> dict[str, Any]:
    return celery_configuration(broker_url)


@pytest.fixture
def celery_parameters() -> dict[str, Any]:
    return {"task_cls": "celery.app.task:Task"}


class States:
    """What Celery says of each task."""

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

    def __init__(self, app: Celery, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        self.build: Build = hello
        self.states = States()
        delivery = post.delivery(lambda event: self._build(event))  # noqa: PLW0108  a route is a function
        monkeypatch.setattr(workers.tasks, "delivery", lambda channel: delivery)
        register(app)

    def _build(self, event: Event) -> Email | None:
        made: Email | None = self.build(event)
        return made


@pytest.fixture
def worker(celery_app: Celery, post: Post, monkeypatch: pytest.MonkeyPatch, broker_url: str) -> Iterator[Worker]:
    made = Worker(celery_app, post, monkeypatch)
    with start_worker(celery_app, pool="solo", perform_ping_check=False, queues=[queue_name("email")]):
        yield made


@pytest.fixture
def queue(broker_url: str) -> Iterator[Queue]:
    queue = Queue(broker_url)
    yield queue
    queue.close()


def test_a_published_id_becomes_a_mail_and_the_message_is_acknowledged(
    worker: Worker, post: Post, queue: Queue
) -> None:
    ids = post.pending("ana@example.com", "bo@example.com")
    queue.publish("email", dict.fromkeys(ids, 0))

    wait_until(lambda: all(post.rows.status(id_) is Status.SENT for id_ in ids))

    wait_until(lambda: queue.held("email") == set())
    wait_until(lambda: [worker.states.of(id_) for id_ in ids] == [["SUCCESS"]] * 2)
    assert [len(post.mails(id_)) for id_ in ids] == [1, 1]


def test_celery_sees_retry_and_failure_under_one_task_id(worker: Worker, post: Post, queue: Queue) -> None:
    def broken(event: Event) -> Email:
        raise LookupError("ana@example.com is secret")

    worker.build = broken
    (id_,) = post.pending("ana@example.com")
    for count, states in ((0, ["RETRY"]), (1, ["RETRY", "FAILURE"])):
        queue.publish("email", {id_: count})
        wait_until(lambda wanted=states: worker.states.of(id_) == wanted, message=f"{worker.states.seen}")  # type: ignore[misc]

    assert post.rows.status(id_) is Status.FAILED
    wait_until(lambda: queue.held("email") == set())  # a retry waits in the row, not in the broker


def test_a_second_message_for_the_same_id_is_acknowledged_and_ignored(
    worker: Worker, post: Post, queue: Queue
) -> None:
    (id_,) = post.pending("ana@example.com")
    for _ in range(3):
        queue.publish("email", {id_: 0})

    wait_until(lambda: worker.states.of(id_) == ["SUCCESS"] * 3)
    assert len(post.mails(id_)) == 1


def test_a_message_from_elsewhere_does_no_harm(worker: Worker, post: Post, queue: Queue) -> None:
    stranger = UUID(int=7)
    queue.publish("email", {stranger: 0})
    wait_until(lambda: worker.states.of(stranger) == ["SUCCESS"])
