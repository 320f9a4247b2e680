"""The queue between bridge and workers: publish by task name, and ask what the broker holds.

Redis is a hint. Whatever goes wrong here costs time, not notifications: the publication stays due in Postgres.
"""

import logging
import re
from collections.abc import Mapping
from uuid import UUID, uuid4

from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError

from celery_units.redis.refusal import explained
from celery_units.redis.version import UnfitRedis, check_server
from notifier.broker.client import redis_client
from notifier.broker.configuration import queue_name
from notifier.broker.envelope import Envelopes
from notifier.broker.rights import PUBLISHING, BrokerUnfit, Rights, check_rights
from notifier.broker.url import BrokerUrl
from notifier.errors import Unreachable

log = logging.getLogger(__name__)

_GENERATION = "notifier:generation"
_NO_MARK = 2**53
# The length and the messages in one step: bridges that publish at once stay below the mark together.
_PUSH = """
local depth = redis.call('LLEN', KEYS[1])
if depth > 0 and depth + #ARGV - 1 > tonumber(ARGV[1]) then return 0 end
for first = 2, #ARGV, 1000 do
  redis.call('LPUSH', KEYS[1], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
return 1
"""
_CHUNK = 1_000
_TASK_ID = re.compile(rb'"id": ?"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


class BrokerError(Unreachable):
    """The broker did not take the messages, or its answer was lost: publish them again later."""


class BrokerRefused(BrokerError):
    """The broker answered with an error: it has none of the messages."""


class Queue:
    """Publishes deliveries to the channels' queues on Redis. Raises SettingsError for a malformed URL."""

    def __init__(self, broker_url: str, *, origin: str = "notifier") -> None:
        self._url = BrokerUrl.of(broker_url)
        self._origin = origin
        # The relay is the retry, and a hung call must not hold up the recording.
        self._redis = redis_client(self._url, timeout=3)
        self._push = self._redis.register_script(_PUSH)
        self._envelopes: dict[str, Envelopes] = {}

    def publish(self, channel: str, retries: Mapping[UUID, int], high_water: int | None = None) -> bool:
        """One Celery task for each id, all or none of them; the ids are the task ids.

        `retries` says how often each has failed before. False, and nothing is published, where the queue would hold
        more than `high_water` messages; an empty one takes any number. Raises BrokerError: they may be published.
        """
        if not retries:
            return True
        queue = queue_name(channel)
        envelopes = self._envelopes.setdefault(channel, Envelopes(queue, self._origin))
        mark = _NO_MARK if high_water is None else high_water
        try:
            return bool(self._push(keys=[queue], args=[mark, *envelopes.messages(retries)]))
        except (RedisError, OSError) as error:
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
                found.update(_ids(chunk))
                start += _CHUNK
            for _, message in self._redis.hscan_iter("unacked", count=_CHUNK):
                found.update(_ids([message]))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error
        return found

    def generation(self) -> str:
        """Another one means that the broker may have lost messages since. Raises BrokerError.

        It is a mark in the broker's memory, and the id of its replication: a new one is drawn by a server that starts
        and by a replica that is promoted, which may have missed the last writes of the primary before it.
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
        history = replication.get("master_replid") if isinstance(replication, dict) else None  # it takes a right
        return f"{mark!r} {history}"

    def check(self, rights: Rights = PUBLISHING) -> None:
        """Raises BrokerError where no Redis answers, BrokerUnfit where it is too old, a cluster, or its user lacks
        one of the `rights`.

        One that refuses (a replica, a full memory, one that loads its data) will do: it is waited for.
        """
        try:
            check_server(self._redis)
            check_rights(self._redis, rights)
        except UnfitRedis as error:
            raise BrokerUnfit(str(error)) from None
        except (ResponseError, BusyLoadingError) as error:
            log.warning("Redis refuses commands, starting all the same: %s", explained(error))
        except (RedisError, OSError) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        self._redis.close()

    def _unreachable(self, error: Exception) -> BrokerError:
        where = self._url.shown
        if isinstance(error, ResponseError | BusyLoadingError):
            self._redis.connection_pool.disconnect(inuse_connections=False)  # a demoted primary keeps them open
            return BrokerRefused(f"the broker at {where} refuses: {explained(error)}")
        cause = " ".join(str(error).split()).rstrip(".")
        if isinstance(error, AuthenticationError):
            return BrokerError(
                f"the broker at {where} refuses the user or the password in NOTIFIER_BROKER_URL: {cause}"
            )
        return BrokerError(f"no broker at {where}: {cause}. Is NOTIFIER_BROKER_URL right and the server up?")


def _ids(messages: list[bytes]) -> set[UUID]:
    return {UUID(match[1].decode()) for message in messages for match in [_TASK_ID.search(message)] if match}
