"""The queues between bridge and workers: publish messages, and read which ones the broker holds.

If the broker loses a message, the relay publishes it again: a publication is kept in Postgres until none of its
deliveries is pending. So an error here delays notifications and loses none.
"""

import logging
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from celery_units.redis.refusal import explained
from celery_units.redis.version import UnfitRedis, check_server
from notifier.broker.client import leave_replica, redis_client
from notifier.broker.configuration import queue_name
from notifier.broker.envelope import Envelopes
from notifier.broker.rights import PUBLISHING, BrokerUnfit, Rights, check_rights
from notifier.broker.url import BrokerUrl
from notifier.errors import Unreachable

log = logging.getLogger(__name__)

_GENERATION = "notifier:generation"
_NO_LIMIT = 2**53
"""The largest whole number of Lua's, which has only floating-point numbers."""
_PUSH = files("notifier.broker").joinpath("push.lua").read_text()
_CHUNK = 1_000
_TASK_ID = re.compile(rb'"id": ?"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


class BrokerError(Unreachable):
    """The broker did not take the messages, or its answer was lost: publish them again later."""


class BrokerRefused(BrokerError):
    """The broker answered with an error: it has none of the messages."""


class Broker:
    """Publishes deliveries to the queues of `notifier.lanes` on Redis. Raises SettingsError for a malformed URL.

    `origin` is the name of this process in Celery's headers.
    """

    def __init__(self, broker_url: str, *, origin: str = "notifier") -> None:
        self._url = BrokerUrl.of(broker_url)
        self._origin = origin
        # The relay retries, and a call that hangs must not delay the recording of events.
        self._redis = redis_client(self._url, timeout=3)
        self._push = self._redis.register_script(_PUSH)
        self._envelopes: dict[str, Envelopes] = {}

    def publish(self, queue: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool:
        """Publish one Celery task for each id, all or none of them; the ids are the task ids.

        `retries` has the ids, each with the number of failures that were counted for it so far. Return False, and
        publish nothing, if the queue would hold more than `high_water` messages; an empty one takes any number. Raise
        BrokerError if the answer was lost: they may be published. Raise BrokerRefused if none is published.
        """
        if not retries:
            return True
        name = queue_name(queue)
        if (envelopes := self._envelopes.get(queue)) is None:
            envelopes = self._envelopes[queue] = Envelopes(name, self._origin)
        limit = _NO_LIMIT if high_water is None else high_water
        try:
            return bool(self._push(keys=[name], args=[limit, *envelopes.arguments(retries)]))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def depth(self, queue: str) -> int:
        """Return the number of messages that no worker has reserved yet. Raise BrokerError."""
        try:
            return int(self._redis.llen(queue_name(queue)))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def held(self, queue: str) -> set[UUID]:
        """Return the ids of all messages that the broker holds, waiting or reserved by a worker. Raise BrokerError.

        It reads the whole queue in chunks, so it is called only if a message seems to be lost. A message that moves
        meanwhile may be left out, which costs one needless task.
        """
        name = queue_name(queue)
        found: set[UUID] = set()
        try:
            start = 0
            while chunk := self._redis.lrange(name, start, start + _CHUNK - 1):
                found.update(_ids(chunk))
                start += _CHUNK
            for _, message in self._redis.hscan_iter("unacked", count=_CHUNK):
                found.update(_ids([message]))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        return found

    def is_taken_from(self, queue: str) -> bool:
        """Return whether a worker holds a message of the queue. Raise BrokerError."""
        ending = f'"{queue_name(queue)}"]'.encode()  # kombu's entry: the message, the exchange, the queue
        try:
            return any(entry.endswith(ending) for _, entry in self._redis.hscan_iter("unacked", count=_CHUNK))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def generation(self) -> str:
        """Return a text that changes when the broker may have lost messages. Raise BrokerError.

        It is a random key in the broker's memory, and its replication id. A server that starts, and a replica that is
        promoted and may have missed the primary's last writes, gets a new one. Raise BrokerRefused if this is a
        replica: a primary that was demoted keeps its connections open and answers what only reads, with what it had
        then.
        """
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(_GENERATION)
                pipeline.info("replication")
                mark, replication = pipeline.execute(raise_on_error=False)
            if isinstance(mark, Exception):
                raise mark
            if mark is None:
                self._redis.set(_GENERATION, uuid4().hex, nx=True)
                mark = self._redis.get(_GENERATION)
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        known = replication if isinstance(replication, dict) else {}  # INFO takes a right
        if known.get("role") == "slave":
            raise self._unreachable(ReadOnlyError("READONLY it answers as a replica"))
        return f"{mark!r} {known.get('master_replid')}"

    def check(self, rights: Rights = PUBLISHING) -> None:
        """Raise BrokerError if no Redis answers, and BrokerUnfit if it is too old, is a cluster, or its user lacks
        one of the `rights`.

        A server that refuses commands for now (a replica, full memory, still loading its data) passes with a warning.
        """
        try:
            check_server(self._redis)
            check_rights(self._redis, rights)
        except UnfitRedis as error:
            raise BrokerUnfit(f"NOTIFIER_BROKER_URL: {error}") from None
        except (ResponseError, BusyLoadingError) as error:
            log.warning("Redis refuses commands; starting anyway: %s", explained(error))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def info(self) -> Mapping[str, Any]:
        """Return what Redis says of itself (INFO); nothing if its user may not ask. Raise BrokerError."""
        try:
            found: Mapping[str, Any] = self._redis.info()
        except NoPermissionError:
            return {}
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        return found

    def option(self, name: str) -> str | None:
        """Return an option of the server, None if its user may not ask, as in many services. Raise BrokerError."""
        try:
            found = self._redis.config_get(name)
        except ResponseError:
            return None
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        value = found.get(name)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def close(self) -> None:
        self._redis.close()

    def _unreachable(self, error: Exception) -> BrokerError:
        where = self._url.shown
        leave_replica(self._redis, error)
        if isinstance(error, ResponseError | BusyLoadingError):
            return BrokerRefused(f"the broker at {where} refuses: {explained(error)}")
        cause = " ".join(str(error).split()).rstrip(".")
        if isinstance(error, AuthenticationError):
            return BrokerError(
                f"the broker at {where} refuses the user or the password in NOTIFIER_BROKER_URL: {cause}"
            )
        return BrokerError(f"no broker at {where}: {cause}. Is NOTIFIER_BROKER_URL right and the server up?")


def _ids(messages: list[bytes]) -> set[UUID]:
    return {UUID(match[1].decode()) for message in messages for match in [_TASK_ID.search(message)] if match}
