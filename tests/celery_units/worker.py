"""A worker as a process of its own, which counts in Redis what it does. Started by `worker`.

Each unit ends when there is something in the list `go`, which it takes; all do when there is a key `free`.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from celery import Celery, signals

from celery_units.redis import Name, use_transport
from celery_units.units import Completion, UnitTask
from sandbox.embedded.processes import Child
from tests.celery_units.app import QUEUE, SETTINGS

UNIT, COUNT = "counted.unit", "counted"
"""The task that runs in units, and one that does not."""
_ENVIRONMENT = "TEST_WORKER"


def worker(
    url: str,
    log: Path,
    pool: str,
    *,
    transport: Name = "stock",
    places: int = 1,
    counter_url: str = "",
    log_level: str = "info",
    **settings: Any,
) -> Child:
    """Start one. `settings` are Celery's; those that are dicts are merged into the ones of `app.py`."""
    given = {"url": url, "transport": transport, "counter_url": counter_url or url, "settings": settings}
    return Child(
        "worker",
        [sys.executable, "-m", "tests.celery_units.worker", pool, str(places), log_level],
        log=log,
        env={**os.environ, _ENVIRONMENT: json.dumps(given)},
        cwd=Path(__file__).parents[2],
        grace=60.0,
    )


def make_app(url: str, transport: Name, counter_url: str, settings: dict[str, Any]) -> Celery:
    use_transport(transport)
    app = Celery("counting", broker=url)
    app.conf.update(SETTINGS)
    for name, value in settings.items():
        app.conf[name] = {**SETTINGS[name], **value} if isinstance(value, dict) else value  # type: ignore[dict-item]
    counter = redis.Redis.from_url(counter_url)

    class Counted(UnitTask):
        abstract = True

        def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion]:
            counter.rpush("pids", os.getpid())
            counter.rpush("units", len(requests))
            while not (counter.exists("free") or counter.blpop(["go"], 0.1)):
                pass
            for request in requests:
                counter.hincrby("ended", request["id"], 1)
            return [lambda: "counted"] * len(requests)

    @app.task(name=UNIT, base=Counted)  # type: ignore[untyped-decorator]
    def unit(id_: str) -> None:
        raise NotImplementedError

    @app.task(name=COUNT)  # type: ignore[untyped-decorator]
    def count(id_: str) -> None:
        counter.hincrby("ended", id_, 1)

    @signals.task_received.connect(weak=False)  # type: ignore[untyped-decorator]
    def received(request: Any, **_: Any) -> None:
        if request.name == UNIT:
            counter.incr("received")

    return app


if __name__ == "__main__":
    app = make_app(**json.loads(os.environ[_ENVIRONMENT]))
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    pool, places, log_level = sys.argv[1:]
    app.worker_main(["worker", "-l", log_level, "-Q", QUEUE, "--pool", pool, "-c", places, *quiet])
