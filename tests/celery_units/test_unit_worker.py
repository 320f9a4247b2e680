"""Units in a worker that is a process of its own: killed, stopped, and with children that are."""

import os
import signal
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from notifier.broker import Queue, celery_configuration
from sandbox.embedded.processes import Child
from tests.waiting import wait_until
from tests.workers.test_tasks import queue

__all__ = ["queue"]


class Station:
    """A worker process with one place in its pool, and what it has counted."""

    def __init__(self, broker_url: str, queue: Queue, folder: Path) -> None:
        self.url, self.queue, self.folder = broker_url, queue, folder
        self.redis = redis.Redis.from_url(broker_url, decode_responses=True)

    @contextmanager
    def worker(self, pool: str, visibility_seconds: int = 120) -> Iterator[Child]:
        command = [sys.executable, "-m", "tests.celery_units.unit_worker", pool, str(visibility_seconds)]
        environment = {**os.environ, "BROKER_URL": self.url}
        root = Path(__file__).parents[2]
        child = Child("worker", command, log=self.folder / "worker.log", env=environment, cwd=root, grace=30)
        try:
            yield child
        finally:
            self.free()
            child.stop()

    def publish(self, count: int) -> set[str]:
        ids = [uuid.uuid4() for _ in range(count)]
        self.queue.publish("email", dict.fromkeys(ids, 0))
        return {str(id_) for id_ in ids}

    def under_way(self, count: int) -> set[str]:
        """A unit of so many, which does not end. Answers its ids."""
        first = self.publish(1)
        self.has_begun(1)
        ids = self.publish(count)
        self.has_received(1 + count)
        self.let_one_end()
        self.has_begun(1, count)
        assert self.ended() == dict.fromkeys(first, 1)
        return ids

    def has_begun(self, *units: int) -> None:
        wait_until(lambda: self._numbers("units") == list(units), seconds=60, message=self.log())

    def has_received(self, count: int) -> None:
        wait_until(lambda: int(self.redis.get("received") or 0) == count)

    def let_one_end(self) -> None:
        self.redis.rpush("go", 1)

    def free(self) -> None:
        self.redis.set("free", 1)

    def ended(self) -> dict[str, int]:
        return {id_: int(count) for id_, count in self.redis.hgetall("ended").items()}

    def last_pid(self) -> int:
        return self._numbers("pids")[-1]

    def log(self) -> str:
        path = self.folder / "worker.log"
        return path.read_text() if path.exists() else ""

    def _numbers(self, key: str) -> list[int]:
        return [int(number) for number in self.redis.lrange(key, 0, -1)]


@pytest.fixture
def station(broker_url: str, queue: Queue, tmp_path: Path) -> Iterator[Station]:
    made = Station(broker_url, queue, tmp_path)
    yield made
    made.redis.close()


def all_end_once(station: Station, ids: set[str]) -> None:
    wait_until(lambda: ids <= station.ended().keys(), seconds=60, message=station.log())
    wait_until(lambda: station.queue.held("email") == set(), seconds=60)
    assert {id_: count for id_, count in station.ended().items() if id_ in ids} == dict.fromkeys(ids, 1)


def test_a_child_that_is_killed_gives_its_whole_unit_back(station: Station) -> None:
    with station.worker("prefork"):
        ids = station.under_way(25)
        os.kill(station.last_pid(), signal.SIGKILL)
        wait_until(lambda: station.redis.llen("units") > 2, seconds=60, message=station.log())
        station.free()
        all_end_once(station, ids)


def test_a_worker_that_is_killed_leaves_its_whole_unit_to_the_next(station: Station) -> None:
    with station.worker("threads") as worker:
        ids = station.under_way(25)
        worker.stop(signal.SIGKILL)
    with station.worker("threads", visibility_seconds=1):
        all_end_once(station, ids)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_stop_finishes_the_unit_under_way_and_gives_back_what_waits(station: Station, pool: str) -> None:
    with station.worker(pool) as worker:
        ids = station.under_way(25)
        waiting = station.publish(10)
        station.has_received(36)
        os.kill(worker.pid, signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in station.log())
        station.let_one_end()
        worker.finish(60)
    assert ids <= station.ended().keys()
    assert waiting.isdisjoint(station.ended())
    assert {str(id_) for id_ in station.queue.held("email")} == waiting
    assert station.queue.depth("email") == 10


def test_a_task_that_is_terminated_takes_no_other_with_it(station: Station) -> None:
    with station.worker("prefork"):
        ids = station.under_way(25)
        victim = min(ids)
        app = Celery("control", set_as_current=False)
        app.conf.update(celery_configuration(station.url))
        app.control.revoke(victim, terminate=True, signal="SIGKILL")
        app.close()
        wait_until(lambda: station.redis.llen("units") > 2, seconds=60, message=station.log())
        station.free()
        all_end_once(station, ids - {victim})
        assert victim not in station.ended()
