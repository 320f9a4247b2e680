"""The transport that kombu makes for a connection: the stock one with another channel."""

import threading
from typing import Any

from kombu.transport import redis as stock

from celery_units.redis.channel import RedisChannel


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
        if not client.transport_options.get("ack_emulation", True):
            self.Channel = self.without_acks

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        self.loop, self._loop_thread = loop, threading.get_ident()
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
