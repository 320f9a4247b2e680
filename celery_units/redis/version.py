"""Whether a Redis can be a broker: it must be new enough, and no cluster."""

import re
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

_LEAST = (6, 2)
_CLUSTER = (
    "the broker is a Redis Cluster (cluster mode is enabled): a queue and its unacknowledged messages are several "
    "keys, which must lie on one server. Take a Redis without cluster mode, with Sentinels where it must not fail"
)


class UnfitRedis(Exception):
    """The server can never be the broker: too old, a cluster, or without the database of the URL."""


def check_server(client: Any) -> None:
    """Raises UnfitRedis, and ResponseError for any other refusal.

    Nothing is checked if the user has no right to INFO.
    """
    try:
        answer = client.info("server")
    except NoPermissionError:
        return
    except ResponseError as error:
        _check_database(error)
        raise
    version = str(answer.get("redis_version"))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < _LEAST:
        least = ".".join(map(str, _LEAST))
        raise UnfitRedis(f"the broker is Redis {version}; it takes Redis {least} or newer, or Valkey")
    if answer.get("redis_mode") == "cluster":
        raise UnfitRedis(_CLUSTER)


def check_answer(error: ResponseError) -> None:
    """Raises UnfitRedis if only a cluster answers with this error."""
    if type(error).__name__ in {"MovedError", "AskError", "ClusterCrossSlotError", "ClusterDownError"}:
        raise UnfitRedis(_CLUSTER) from None


def _check_database(error: ResponseError) -> None:
    """Raises UnfitRedis if the server has no such database: redis-py selects it with the first command."""
    if "DB index is out of range" in str(error):
        raise UnfitRedis("the broker has no database of the number in its URL (redis://host:6379/NUMBER)") from None
