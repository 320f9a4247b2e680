from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker

from celery_units.redis import use_transport
from tests.celery_units.app import QUEUE, SETTINGS, Broker
from tests.celery_units.recording import TASK, Recorder, register

Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    """A client that looks into the broker from outside."""
    with redis.Redis.from_url(broker_url, protocol=2) as client:
        yield client


@pytest.fixture
def fast() -> Iterator[None]:
    use_transport("fast")
    yield
    use_transport("stock")


@pytest.fixture
def celery_config(broker_url: str) -> dict[str, Any]:
    return {**SETTINGS, "broker_url": broker_url, "result_backend": None}


@pytest.fixture
def celery_parameters() -> dict[str, Any]:
    return {"task_cls": "celery.app.task:Task"}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.gate.set()


@pytest.fixture
def queue(broker_url: str) -> Iterator[Broker]:
    made = Broker(broker_url, TASK)
    yield made
    made.close()


@pytest.fixture
def start(celery_app: Celery, recorder: Recorder) -> Start:
    """Starts a worker in a thread of this process."""

    @contextmanager
    def worker(queues: Sequence[str] = (QUEUE,), pool: str = "threads", places: int = 1, **options: Any) -> Any:
        register(celery_app, recorder, **{"event_sample": 1_000, **options})
        with start_worker(
            celery_app, pool=pool, concurrency=places, perform_ping_check=False, queues=list(queues)
        ) as started:
            try:
                yield started
            finally:
                recorder.gate.set()

    return worker
