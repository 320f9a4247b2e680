"""A worker as a process of its own, which only counts in Redis. Its arguments: pool, visibility in seconds.

Each unit ends when there is something in the list `go`, which it takes; all do when there is a key `free`.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import redis
from celery import Celery, signals

import workers.tasks
from notifier.broker import celery_configuration, queue_name
from notifier.notifications import Status
from notifier.outbox import Change

URL = os.environ["BROKER_URL"]


class Counted:
    def deliver(self, ids: Sequence[UUID], **_: bool) -> dict[UUID, Change]:
        with redis.Redis.from_url(URL) as client:
            client.rpush("pids", os.getpid())
            client.rpush("units", len(ids))
            while not (client.exists("free") or client.blpop(["go"], 0.1)):
                pass
            for id_ in ids:
                client.hincrby("ended", str(id_), 1)
        return {id_: Change(id_, Status.SENT) for id_ in ids}


@signals.task_received.connect  # type: ignore[untyped-decorator]
def _received(**_: Any) -> None:
    with redis.Redis.from_url(URL) as client:
        client.incr("received")


workers.tasks.delivery = lambda channel: Counted()  # type: ignore[assignment, return-value]
app = Celery("units")
app.conf.update(celery_configuration(URL, int(sys.argv[2])))
app.conf.broker_transport_options["unacked_restore_interval"] = 1
workers.tasks.register(app)

if __name__ == "__main__":
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--concurrency", "1"]
    app.worker_main(["worker", "-l", "info", "-Q", queue_name("email"), "--pool", sys.argv[1], *options])
