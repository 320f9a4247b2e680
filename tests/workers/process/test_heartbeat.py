from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from notifier.broker import celery_configuration
from notifier.health.beats import STALE_SECONDS
from notifier.health.heartbeat import Heartbeat
from sandbox.embedded.redis import embedded_redis
from tests.waiting import wait_until
from tests.workers.process.test_in_progress import Clock
from workers.process.heartbeat import HeartbeatThread, waits_for_broker
from workers.process.in_progress import STUCK_SECONDS, InProgress


class WorkerHealth:
    """A worker's heartbeat, and what decides whether it beats."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.waits = False
        self.in_progress = InProgress(self.clock)
        self.heartbeat = Heartbeat("worker", folder)
        self.thread = HeartbeatThread(self.heartbeat, self.in_progress, lambda: self.waits, self.clock)

    def beats(self) -> bool:
        self.heartbeat.clear()
        self.thread.beat_if_healthy()
        return self.heartbeat.age() is not None


@pytest.fixture
def worker_health(tmp_path: Path) -> WorkerHealth:
    return WorkerHealth(tmp_path)


def test_a_main_loop_that_hangs_stops_the_beats(worker_health: WorkerHealth) -> None:
    assert worker_health.beats()
    worker_health.clock.now += STALE_SECONDS
    assert not worker_health.beats()
    worker_health.thread.turned()
    assert worker_health.beats()


def test_a_broker_that_is_away_does_not(worker_health: WorkerHealth) -> None:
    worker_health.waits = True
    worker_health.clock.now += 10 * STALE_SECONDS
    assert worker_health.beats()
    worker_health.waits = False  # it is back; the main loop has not turned yet
    assert worker_health.beats()
    worker_health.clock.now += STALE_SECONDS
    assert not worker_health.beats()


def test_a_delivery_that_hangs_stops_the_beats(worker_health: WorkerHealth) -> None:
    with worker_health.in_progress.hold([UUID(int=1)]):
        worker_health.clock.now += STUCK_SECONDS + 1
        worker_health.thread.turned()
        assert not worker_health.beats()
    assert worker_health.beats()


def test_it_beats_from_a_thread_of_its_own(worker_health: WorkerHealth) -> None:
    worker_health.thread.start()
    try:
        wait_until(lambda: worker_health.heartbeat.age() is not None)
    finally:
        worker_health.thread.stop()


@pytest.fixture
def worker_and_redis(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    with embedded_redis(tmp_path, durable=False) as redis:
        app = Celery("heartbeat", set_as_current=False)
        app.conf.update(celery_configuration(redis.url))
        with start_worker(app, pool="solo", perform_ping_check=False) as worker:
            yield worker, redis


def test_a_worker_that_looks_for_its_broker_is_recognized(worker_and_redis: tuple[Any, Any]) -> None:
    worker, redis = worker_and_redis
    wait_until(lambda: not waits_for_broker(worker))
    redis.stop()
    wait_until(lambda: waits_for_broker(worker), seconds=30)
