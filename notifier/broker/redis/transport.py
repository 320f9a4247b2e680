"""The transport that kombu makes for a connection: stock, but for its channel."""

import threading
from typing import Any

from kombu.transport import redis as stock

from notifier.broker.redis.channel import Channel


class Transport(stock.Transport):  # type: ignore[misc]
    """Knows the event loop, where there is one: a channel may then put things off for a moment."""

    Channel = Channel
    loop: Any = None
    _loop_thread: int | None = None

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        if not client.transport_options.get("ack_emulation", True):
            self.Channel = stock.Channel  # nothing is kept until it is acknowledged: nothing to gain

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        self.loop, self._loop_thread = loop, threading.get_ident()
        super().register_with_event_loop(connection, loop)

    @property
    def loop_here(self) -> Any:
        """The event loop, if the caller runs in its thread."""
        return self.loop if threading.get_ident() == self._loop_thread else None
