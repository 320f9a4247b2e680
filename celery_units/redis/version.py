"""What a Redis must be to be a broker: new enough, and no cluster."""

import re
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from notifier.errors import NotifierError

_LEAST = (6, 2)
_CLUSTER = (
    "the broker is a Redis Cluster (cluster mode is enabled): a queue and its messages under way are several keys, "
    "which must lie on one server. Take a Redis without cluster mode, with Sentinels where it must not fail"
)


class BrokerUnfit(NotifierError):
    """The broker can never do what is needed of it."""

    exit_code = 2


class BrokerTooOld(BrokerUnfit):
    """The broker lacks commands that are needed, by stock kombu too."""


def check_server(client: Any) -> None:
    """Raises BrokerTooOld and BrokerUnfit. A server that tells nothing of itself passes."""
    try:
        told = client.info("server")
    except NoPermissionError:
        return
    except ResponseError as error:
        _check_database(error)
        raise
    version = str(told.get("redis_version"))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < _LEAST:
        least = ".".join(map(str, _LEAST))
        raise BrokerTooOld(f"the broker is Redis {version}; it takes Redis {least} or newer, or Valkey")
    if told.get("redis_mode") == "cluster":
        raise BrokerUnfit(_CLUSTER)


def check_answer(error: ResponseError) -> None:
    """Raises BrokerUnfit where the error shows a cluster."""
    if type(error).__name__ in {"MovedError", "AskError", "ClusterCrossSlotError", "ClusterDownError"}:
        raise BrokerUnfit(_CLUSTER) from None


def _check_database(error: ResponseError) -> None:
    """The first command chooses the database."""
    if "DB index is out of range" in str(error):
        raise BrokerUnfit(
            "the broker has no database of the number in NOTIFIER_BROKER_URL (redis://host:6379/NUMBER)"
        ) from None
