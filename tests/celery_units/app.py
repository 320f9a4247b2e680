"""A Celery app as a user of the library has it, and what these tests publish and see in the broker."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import redis
from celery import Celery

QUEUE = "a"
SETTINGS = {
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure": True,
    "worker_prefetch_multiplier": 500,
    "worker_enable_prefetch_count_reduction": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_soft_shutdown_timeout": 25.0,
    "worker_enable_soft_shutdown_on_idle": True,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_detect_quorum_queues": False,
    "worker_send_task_events": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_channel_error_retry": True,
    "broker_transport_options": {
        "visibility_timeout": 120,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 500,
        "socket_timeout": 10,
        "health_check_interval": 5,
        "priority_steps": [0],
        "body_encoding": "utf-8",
    },
}


def new_ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


class Broker:
    """Publishes calls of one task, whose argument is its id, and tells what Redis holds."""

    def __init__(self, url: str, task: str) -> None:
        self.url = url
        self.client = redis.Redis.from_url(url)
        self._task = task
        self._app = Celery("publisher", broker=url, set_as_current=False)
        self._app.conf.update(SETTINGS)

    def publish(self, *ids: str, queue: str = QUEUE, **options: Any) -> None:
        with self._app.producer_pool.acquire(block=True) as producer:
            for id_ in ids:
                self._app.send_task(self._task, [id_], task_id=id_, queue=queue, producer=producer, **options)

    def publish_lost(self, *ids: str) -> None:
        """As the transport delivers messages again whose worker died."""
        self.publish(*ids, queue="lost")
        while message := self.client.rpop("lost"):
            again = json.loads(message)  # type: ignore[arg-type]
            again["headers"]["losses"] = 1
            again["properties"]["delivery_info"]["routing_key"] = QUEUE
            self.client.lpush(QUEUE, json.dumps(again))

    def waiting(self, queue: str = QUEUE) -> list[str]:
        """The ids of the messages that no worker has taken, the next one first."""
        return [_id(each) for each in reversed(self.client.lrange(queue, 0, -1))]

    def held(self, queues: Iterable[str] = (QUEUE, "b")) -> set[str]:
        """The ids of all messages that are not acknowledged."""
        found = {
            id_ for queue in queues for id_ in self.waiting(queue)
        }  # first, for a worker moves them to `unacked`
        return found.union(str(json.loads(entry)[0]["headers"]["id"]) for entry in self.client.hvals("unacked"))

    def close(self) -> None:
        self._app.close()
        self.client.close()


def _id(message: bytes | str) -> str:
    return str(json.loads(message)["headers"]["id"])
