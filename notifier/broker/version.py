"""The oldest Redis that will do."""

import re
from typing import Any

from redis.exceptions import NoPermissionError

from notifier.errors import NotifierError

_LEAST = (6, 2)


class BrokerTooOld(NotifierError):
    """The broker lacks commands that are needed, by stock kombu too."""

    exit_code = 2


def check_server(client: Any) -> None:
    """Raises BrokerTooOld. A server that does not tell its version passes."""
    try:
        version = str(client.info("server").get("redis_version"))
    except NoPermissionError:
        return
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < _LEAST:
        least = ".".join(map(str, _LEAST))
        raise BrokerTooOld(f"the broker is Redis {version}; it takes Redis {least} or newer, or Valkey")
