from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker

from celery_units.redis import Name, use_transport
from tests.celery_units.app import QUEUE, SETTINGS, Broker
from tests.celery_units.recording import TASK, Recorder, register

Start = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    """A client that looks into the broker from outside."""
    with redis.Redis.from_url(broker_url, protocol=2) as client:
        yield client


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What units do on stock kombu they do on the fast transport, which hands messages to them in another way.

    Tests that use the fixture `fast` or `stock` have only that one.
    """
    if "transport_name" in metafunc.fixturenames:
        names = [name for name in ("stock", "fast") if name in metafunc.fixturenames] or ["stock", "fast"]
        metafunc.parametrize("transport_name", names, indirect=True)


@pytest.fixture
def transport_name(request: pytest.FixtureRequest) -> Iterator[Name]:
    """The transport of all connections that this process makes."""
    use_transport(request.param)
    yield request.param
    use_transport("stock")


@pytest.fixture
def fast() -> Iterator[None]:
    use_transport("fast")
    yield
    use_transport("stock")


@pytest.fixture
def stock() -> None:
    """For tests of what the fast transport does not do: it bears a cut connection, stock kombu starts over."""


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
def start(celery_app: Celery, recorder: Recorder, transport_name: Name) -> Start:
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
