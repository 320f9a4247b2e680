from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from notifier.broker import celery_configuration
from notifier.health import STALE_SECONDS, Heartbeat
from sandbox.embedded.redis import embedded_redis
from tests.waiting import wait_until
from tests.workers.process.test_in_progress import Clock
from workers.process.heartbeat import HeartbeatThread, waits_for_broker
from workers.process.in_progress import STUCK_SECONDS, InProgress


class Patient:
    """A worker's pulse, and what becomes of its heartbeat."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.waits = False
        self.underway = InProgress(self.clock)
        self.heartbeat = Heartbeat("worker", folder)
        self.pulse = HeartbeatThread(self.heartbeat, self.underway, lambda: self.waits, self.clock)

    def beats(self) -> bool:
        self.heartbeat.clear()
        self.pulse.check()
        return self.heartbeat.age() is not None


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def test_a_main_loop_that_hangs_stops_the_beats(patient: Patient) -> None:
    assert patient.beats()
    patient.clock.now += STALE_SECONDS
    assert not patient.beats()
    patient.pulse.turned()
    assert patient.beats()


def test_a_broker_that_is_away_does_not(patient: Patient) -> None:
    patient.waits = True
    patient.clock.now += 10 * STALE_SECONDS
    assert patient.beats()
    patient.waits = False  # it is back; the main loop has not turned yet
    assert patient.beats()
    patient.clock.now += STALE_SECONDS
    assert not patient.beats()


def test_a_delivery_that_hangs_stops_the_beats(patient: Patient) -> None:
    with patient.underway.hold([UUID(int=1)]):
        patient.clock.now += STUCK_SECONDS + 1
        patient.pulse.turned()
        assert not patient.beats()
    assert patient.beats()


def test_it_beats_from_a_thread_of_its_own(patient: Patient) -> None:
    patient.pulse.start()
    try:
        wait_until(lambda: patient.heartbeat.age() is not None)
    finally:
        patient.pulse.stop()


@pytest.fixture
def worker_and_redis(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    with embedded_redis(tmp_path, durable=False) as redis:
        app = Celery("pulse", set_as_current=False)
        app.conf.update(celery_configuration(redis.url))
        with start_worker(app, pool="solo", perform_ping_check=False) as worker:
            yield worker, redis


def test_a_worker_that_looks_for_its_broker_is_recognized(worker_and_redis: tuple[Any, Any]) -> None:
    worker, redis = worker_and_redis
    wait_until(lambda: not waits_for_broker(worker))
    redis.stop()
    wait_until(lambda: waits_for_broker(worker), seconds=30)
