"""The transport that kombu makes for a connection: stock, but for its channel."""

import threading
from typing import Any

from kombu.transport import redis as stock

from celery_units.redis.channel import RedisChannel


class Transport(stock.Transport):  # type: ignore[misc]
    """Knows the event loop, where there is one: a channel may then put things off for a moment."""

    RedisChannel = RedisChannel
    without_acks: Any = stock.Channel
    """Where nothing is kept until it is acknowledged there is nothing to gain."""
    loop: Any = None
    silent = False
    """Whether Redis did not answer while this process was to end."""
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
        """The event loop, if the caller runs in its thread."""
        return self.loop if threading.get_ident() == self._loop_thread else None


class SentinelChannel(RedisChannel, stock.SentinelChannel):  # type: ignore[misc]
    """A channel of the primary that Sentinels name."""


class SentinelTransport(Transport):
    """The same for a URL that names Sentinels."""

    default_port = 26379
    RedisChannel = SentinelChannel
    without_acks = stock.SentinelChannel
