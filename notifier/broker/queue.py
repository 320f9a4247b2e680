"""The queue between bridge and workers: publish by task name, and ask what the broker holds.

Redis is a hint. Whatever goes wrong here costs time, not notifications: the publication stays due in Postgres.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from celery import Celery
from kombu import Connection
from kombu.exceptions import KombuError
from redis import Redis
from redis.exceptions import RedisError

from notifier.broker.configuration import TASK, celery_configuration, queue_name
from notifier.errors import SettingsError, Unreachable

_GENERATION = "notifier:generation"
_PIPELINE = 500
_CHUNK = 1_000
_TASK_ID = re.compile(rb'"id": ?"([0-9a-f-]{36})"')


class BrokerError(Unreachable):
    """The broker did not take the messages, or its answer was lost: publish them again later."""


class Queue:
    """Publishes deliveries to the channels' queues on Redis."""

    def __init__(self, broker_url: str, *, origin: str = "notifier") -> None:
        if not broker_url.startswith(("redis://", "rediss://", "unix://")):
            raise SettingsError("NOTIFIER_BROKER_URL is not a URL like redis://:password@host:6379/0")
        self._url = broker_url
        self._app = Celery("notifier", set_as_current=False)
        self._app.conf.update(celery_configuration(broker_url))
        self._app.conf.broker_transport_options |= {"max_retries": 0}  # the relay is the retry
        self._origin = origin
        self._redis = Redis.from_url(broker_url, socket_timeout=10, socket_connect_timeout=5, health_check_interval=5)

    def publish(self, channel: str, retries: Mapping[UUID, int]) -> None:
        """One Celery task for each id, through Redis pipelines; the ids are the task ids.

        `retries` says how often each has failed before. Raises BrokerError: some may be published, none must be.
        """
        try:
            with self._app.producer_pool.acquire(block=True, timeout=10) as producer, producer.batch(_PIPELINE):
                for notification, failures in retries.items():
                    self._publish(producer, queue_name(channel), str(notification), failures)
        except (KombuError, RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def depth(self, channel: str) -> int:
        """Messages that no worker has taken yet. Raises BrokerError."""
        try:
            return int(self._redis.llen(queue_name(channel)))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def held(self, channel: str) -> set[UUID]:
        """The ids of all messages that the broker still holds, waiting or taken by a worker. Raises BrokerError.

        Reads the whole queue, in chunks: for the rare moment when a message is missed. A message that moves while
        it reads may be missed once more, which costs one needless task.
        """
        queue = queue_name(channel)
        found: set[UUID] = set()
        try:
            start = 0
            while chunk := self._redis.lrange(queue, start, start + _CHUNK - 1):
                found.update(_ids(chunk))  # type: ignore[arg-type]
                start += _CHUNK
            for _, message in self._redis.hscan_iter("unacked", count=_CHUNK):
                found.update(_ids([message]))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        return found

    def generation(self) -> str:
        """Another one means that the broker lost its memory since. Raises BrokerError."""
        try:
            with self._redis.pipeline() as pipeline:
                pipeline.setnx(_GENERATION, uuid4().hex)
                pipeline.get(_GENERATION)
                known = pipeline.execute()[1]
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        return str(known)

    def check(self) -> None:
        """Raises BrokerError where no Redis answers."""
        try:
            self._redis.ping()
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        self._redis.close()
        self._app.close()

    def _publish(self, producer: Any, queue: str, task: str, failures: int) -> None:
        producer.publish(
            _body(task),
            routing_key=queue,
            exchange="",
            headers=_headers(task, failures, self._origin),
            correlation_id=task,
            serializer="json",
            delivery_mode=2,
            declare=(),
            retry=False,
        )

    def _unreachable(self, error: Exception) -> BrokerError:
        where = Connection(self._url).as_uri()  # keeps the password out
        cause = " ".join(str(error).split())
        return BrokerError(f"no broker at {where}: {cause}. Is NOTIFIER_BROKER_URL right and the server up?")


def has_room(depth: int, messages: int, high_water: int) -> bool:
    """Whether so many messages more stay below the mark. An empty queue takes any page, or none would ever move."""
    return depth == 0 or depth + messages <= high_water


def _body(task: str) -> list[Any]:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return [[task], {}, embed]


def _headers(task: str, retries: int, origin: str) -> dict[str, Any]:
    """The headers of Celery's protocol 2; a contract test compares them with Celery's own."""
    return {
        "lang": "py",
        "task": TASK,
        "id": task,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": retries,
        "timelimit": [None, None],
        "root_id": task,
        "parent_id": None,
        "argsrepr": f"('{task}',)",
        "kwargsrepr": "{}",
        "origin": origin,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }


def _ids(messages: list[bytes]) -> set[UUID]:
    return {UUID(match[1].decode()) for message in messages for match in [_TASK_ID.search(message)] if match}
