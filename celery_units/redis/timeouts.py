"""Short timeouts for a process that is about to end."""

from contextlib import suppress
from typing import Any
from weakref import WeakSet

LAST_SECONDS = 2.0
"""The timeout of each answer of Redis from then on: an orchestrator kills the process soon."""
_all: "WeakSet[Timeouts]" = WeakSet()


def shorten_timeouts() -> None:
    """Let no channel of this process wait longer than `LAST_SECONDS` for Redis. Call it before the process ends."""
    for timeouts in list(_all):
        timeouts.shorten()


class Timeouts:
    """How long the connections of one channel wait for Redis."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.are_short = False
        _all.add(self)

    def shorten(self) -> None:
        """Limit the timeouts of the open connections and of all that the channel will make."""
        self.are_short = True
        for pool in filter(None, (self._channel._pool, self._channel._async_pool)):  # noqa: SLF001
            for name in ("socket_timeout", "socket_connect_timeout"):
                pool.connection_kwargs[name] = LAST_SECONDS
            pool.disconnect(inuse_connections=False)  # an open connection keeps its timeout in its parser, too
            for connection in (*pool._available_connections, *pool._in_use_connections):  # noqa: SLF001
                connection.socket_timeout = connection.socket_connect_timeout = LAST_SECONDS
                if (wire := connection._sock) is not None:  # noqa: SLF001
                    with suppress(OSError):
                        wire.settimeout(LAST_SECONDS)
