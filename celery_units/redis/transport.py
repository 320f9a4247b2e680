"""The transport that kombu makes for a connection: the stock one with another channel."""

import threading
from typing import Any

from kombu.transport import redis as stock

from celery_units.redis.channel import RedisChannel


class Poller(stock.MultiChannelPoller):  # type: ignore[misc]
    """Adds a connection to the event loop once. kombu adds each again in every turn, which the system refuses."""

    def __init__(self, on_readable: Any) -> None:
        super().__init__()
        self.loop: Any = None
        self._on_readable = on_readable

    @property
    def fds(self) -> dict[int, Any]:
        """The files to be added to the event loop; without one, all that are polled."""
        found: dict[int, Any] = super().fds
        if self.loop is None:
            return found
        added = self.loop.readers
        return {fd: channel for fd, channel in found.items() if added.get(fd) != (self._on_readable, (fd,))}


class Transport(stock.Transport):  # type: ignore[misc]
    """Keeps the event loop of its connection, if there is one: with it a channel can delay acknowledgements."""

    Channel = RedisChannel
    without_acks: Any = stock.Channel
    """The channel where the option `ack_emulation` is off: nothing is kept, so the stock one does as well."""
    loop: Any = None
    unresponsive = False
    """Whether Redis did not answer while the connection was closed or the process about to end."""
    _loop_thread: int | None = None

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.cycle = Poller(self.on_readable)
        if not client.transport_options.get("ack_emulation", True):
            self.Channel = self.without_acks

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        self.loop, self._loop_thread = loop, threading.get_ident()
        self.cycle.loop = loop
        super().register_with_event_loop(connection, loop)

    @property
    def loop_here(self) -> Any:
        """The event loop, if the caller runs in its thread. Otherwise None."""
        return self.loop if threading.get_ident() == self._loop_thread else None


class SentinelChannel(RedisChannel, stock.SentinelChannel):  # type: ignore[misc]
    """A channel to the primary that the Sentinels name."""


class SentinelTransport(Transport):
    """The transport for a URL that names Sentinels."""

    default_port = 26379
    Channel = SentinelChannel
    without_acks = stock.SentinelChannel
