"""A Celery app whose task counts how often it ran for each id: `celery -A bench.measure.counting worker`.

`counting_worker` passes broker, transport and options to it by environment variables.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from celery_units.redis import Name, use_transport
from notifier.broker import TASK, celery_configuration, queue_name
from sandbox.embedded.processes import Child

CHANNEL = "bench"
COUNTS = "counts"
_BROKER, _TRANSPORT, _COUNTER, _OPTIONS = "BENCH_BROKER", "BENCH_TRANSPORT", "BENCH_COUNTER", "BENCH_OPTIONS"


def counting_worker(
    broker_url: str,
    folder: Path,
    *,
    transport: Name,
    pool: str,
    concurrency: int,
    counter_url: str = "",
    options: Mapping[str, Any] | None = None,
) -> Child:
    """A worker process. Without `counter_url` its task does nothing. `options` are settings of Celery."""
    words = ["-P", pool, "-c", str(concurrency), "-Q", queue_name(CHANNEL), "-l", "warning"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    variables = {
        _BROKER: broker_url,
        _TRANSPORT: transport,
        _COUNTER: counter_url,
        _OPTIONS: json.dumps(dict(options or {})),
    }
    return Child(
        f"{transport} worker",
        [sys.executable, "-m", "celery", "-A", "bench.measure.counting", "worker", *words, *quiet],
        log=folder / f"{transport}.log",
        env={**os.environ, **variables},
        cwd=Path(__file__).parents[2],
        grace=60.0,
    )


def _app(broker_url: str) -> Celery:
    use_transport(os.environ[_TRANSPORT])  # type: ignore[arg-type]
    counter_url = os.environ[_COUNTER]
    counter = redis.Redis.from_url(counter_url) if counter_url else None
    app = Celery("bench")
    app.conf.update(celery_configuration(broker_url))
    app.conf.worker_send_task_events = False
    app.conf.update(json.loads(os.environ[_OPTIONS]))

    @app.task(name=TASK)  # type: ignore[untyped-decorator]
    def count(id_: str) -> None:
        if counter is not None:
            counter.hincrby(COUNTS, id_, 1)

    return app


if broker := os.environ.get(_BROKER):
    app = _app(broker)
