"""A worker that delivers nothing, in units or as single tasks: `python -m bench.parts.units_worker units|tasks`."""

import argparse
import os
from collections.abc import Sequence
from uuid import UUID

from celery import Celery

import workers.tasks
from celery_units.redis import use_transport
from notifier.broker import celery_configuration, queue_name
from notifier.notifications import Status
from notifier.outbox import Change
from notifier.process.garbage import collect_rarely

# Threads in the pool, messages taken for each, and the strategy: of the worker today, and before there were units.
MODES = {
    "units": (4, 500, "celery_units.strategy:unit_strategy"),
    "tasks": (8, 4, "celery.worker.strategy:default"),
}


class NoDelivery:
    """Reports each notification as sent."""

    def deliver(self, ids: Sequence[UUID], **_: bool) -> dict[UUID, Change]:
        return {id_: Change(id_, Status.SENT) for id_ in ids}


def idle_app(broker_url: str, mode: str) -> Celery:
    """An app as that of the workers, except that nothing is delivered."""
    _, taken, strategy = MODES[mode]
    setattr(workers.tasks, "deliverer", lambda _: NoDelivery())  # noqa: B010  mypy refuses a plain assignment
    app = Celery(mode)
    app.conf.update(celery_configuration(broker_url, unit_size=taken))
    workers.tasks.register(app).Strategy = strategy
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.units_worker", description=__doc__)
    parser.add_argument("mode", choices=MODES)
    mode = parser.parse_args().mode
    threads = str(MODES[mode][0])
    options = ["-l", "warning", "-Q", queue_name("email"), "--pool", "threads", "--concurrency", threads]
    use_transport("fast")
    app = idle_app(os.environ["NOTIFIER_BROKER_URL"], mode)
    collect_rarely()
    app.worker_main(["--quiet", "worker", *options, "--without-gossip", "--without-mingle"])


if __name__ == "__main__":
    main()
