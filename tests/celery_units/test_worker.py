"""Units in a worker that is a process of its own: killed, stopped, and with child processes that are."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery

from celery_units.redis import Name
from sandbox.embedded.processes import Child
from tests.celery_units.app import SETTINGS, Broker, new_ids
from tests.celery_units.worker import UNIT, worker
from tests.waiting import wait_until


class Station:
    """A worker process with one place in its pool, and what it has counted."""

    def __init__(self, broker_url: str, queue: Broker, folder: Path, transport: Name) -> None:
        self.url, self.queue, self.folder, self.transport = broker_url, queue, folder, transport
        self.redis = redis.Redis.from_url(broker_url, decode_responses=True)

    @contextmanager
    def worker(self, pool: str, visibility_seconds: int = 120) -> Iterator[Child]:
        options = {"visibility_timeout": visibility_seconds}
        log = self.folder / "worker.log"
        child = worker(self.url, log, pool, transport=self.transport, broker_transport_options=options)
        try:
            yield child
        finally:
            self.free()
            child.stop()

    def publish(self, count: int) -> set[str]:
        ids = new_ids(count)
        self.queue.publish(*ids)
        return set(ids)

    def running(self, count: int) -> set[str]:
        """A unit of so many, which does not end. Returns its ids."""
        first = self.publish(1)
        self.has_started(1)
        ids = self.publish(count)
        self.has_received(1 + count)
        self.let_one_end()
        self.has_started(1, count)
        assert self.ended() == dict.fromkeys(first, 1)
        return ids

    def has_started(self, *units: int) -> None:
        wait_until(lambda: self._numbers("units") == list(units), seconds=60, message=self.log())

    def has_received(self, count: int) -> None:
        wait_until(lambda: int(self.redis.get("received") or 0) == count)

    def let_one_end(self) -> None:
        self.redis.rpush("go", 1)

    def free(self) -> None:
        self.redis.set("free", 1)

    def ended(self) -> dict[str, int]:
        return {id_: int(count) for id_, count in self.redis.hgetall("ended").items()}

    def unit_sizes(self) -> list[int]:
        return self._numbers("units")

    def now(self) -> float:
        return float(self.redis.time()[0])

    def last_pid(self) -> int:
        return self._numbers("pids")[-1]

    def log(self) -> str:
        path = self.folder / "worker.log"
        return path.read_text() if path.exists() else ""

    def _numbers(self, key: str) -> list[int]:
        return [int(number) for number in self.redis.lrange(key, 0, -1)]


@pytest.fixture
def station(broker_url: str, tmp_path: Path, transport_name: Name) -> Iterator[Station]:
    queue = Broker(broker_url, UNIT)
    made = Station(broker_url, queue, tmp_path, transport_name)
    yield made
    made.redis.close()
    queue.close()


def all_end_once(station: Station, ids: set[str]) -> None:
    wait_until(lambda: ids <= station.ended().keys(), seconds=60, message=station.log())
    wait_until(lambda: station.queue.held() == set(), seconds=60)
    assert {id_: count for id_, count in station.ended().items() if id_ in ids} == dict.fromkeys(ids, 1)


def test_a_child_that_is_killed_gives_its_whole_unit_back(station: Station) -> None:
    with station.worker("prefork"):
        ids = station.running(25)
        os.kill(station.last_pid(), signal.SIGKILL)
        wait_until(lambda: station.redis.llen("units") > 2, seconds=60, message=station.log())
        station.free()
        all_end_once(station, ids)


def test_a_worker_that_is_killed_leaves_its_whole_unit_to_the_next(station: Station) -> None:
    with station.worker("threads") as worker:
        ids = station.running(25)
        worker.stop(signal.SIGKILL)
    with station.worker("threads", visibility_seconds=1):
        all_end_once(station, ids)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_unit_that_takes_three_visibility_timeouts_runs_once(station: Station, fast: None, pool: str) -> None:
    with station.worker(pool, visibility_seconds=2):
        ids = station.running(25)
        waiting = station.publish(5)
        station.has_received(31)
        until = station.now() + 6
        wait_until(lambda: station.now() > until)
        station.free()
        all_end_once(station, ids | waiting)
    assert station.unit_sizes() == [1, 25, 5]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_stop_finishes_the_unit_under_way_and_gives_back_what_waits(station: Station, pool: str) -> None:
    with station.worker(pool) as worker:
        ids = station.running(25)
        waiting = station.publish(10)
        station.has_received(36)
        os.kill(worker.pid, signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in station.log())
        station.let_one_end()
        worker.finish(60)
    assert ids <= station.ended().keys()
    assert waiting.isdisjoint(station.ended())
    assert set(station.queue.waiting()) == station.queue.held() == waiting


def test_a_task_that_is_terminated_takes_no_other_with_it(station: Station) -> None:
    with station.worker("prefork"):
        ids = station.running(25)
        victim = min(ids)
        app = Celery("control", broker=station.url, set_as_current=False)
        app.conf.update(SETTINGS)
        app.control.revoke(victim, terminate=True, signal="SIGKILL")
        app.close()
        wait_until(lambda: station.redis.llen("units") > 2, seconds=60, message=station.log())
        station.free()
        all_end_once(station, ids - {victim})
        assert victim not in station.ended()
