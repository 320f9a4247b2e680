"""A kombu consumer on either transport in an event loop, as Celery's worker has it."""

import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Self

from kombu import Connection, Consumer, Exchange, Queue
from kombu.asynchronous import Hub
from kombu.message import Message

from tests.waiting import SLOWNESS

CLASSES = {"fast": "celery_units.redis.transport:Transport", "stock": "kombu.transport.redis:Transport"}
OPTIONS = {"socket_timeout": 5, "unacked_restore_throttle": 1, "priority_steps": [0], "body_encoding": "utf-8"}


def connect(url: str, transport: str, **options: Any) -> Connection:
    return Connection(url, transport=CLASSES[transport], transport_options=OPTIONS | options)


def publish(url: str, transport: str, queue: str, bodies: Sequence[Any], **options: Any) -> None:
    """`priority`, `exchange` and `headers` are the message's; the rest are the transport's options."""
    message = {name: options.pop(name) for name in ("priority", "exchange", "headers") if name in options}
    with connect(url, transport, **options) as connection, connection.Producer() as producer:
        for body in bodies:
            producer.publish(body, serializer="json", routing_key=queue, **({"exchange": ""} | message))


class Looped:
    """Consumes `queues` until the block ends."""

    def __init__(
        self,
        url: str,
        transport: str,
        queues: Sequence[str] = ("a",),
        *,
        prefetch: int = 10,
        hub: Hub | None = None,
        on_message: Callable[[Message], None] | None = None,
        **options: Any,
    ) -> None:
        self.hub = hub or Hub()
        self._own_hub = hub is None
        self.received: list[Message] = []
        self.connection = connect(url, transport, **options)
        self.connection.transport.register_with_event_loop(self.connection.connection, self.hub)
        self.hub.propagate_errors = self.connection.connection_errors
        self.channel = self.connection.default_channel
        named = [Queue(name, Exchange(name, type="direct"), routing_key=name) for name in queues]
        self.consumer = Consumer(self.channel, named, on_message=on_message or self.received.append)
        self.consumer.qos(prefetch_count=prefetch)
        self.consumer.consume()
        self._loop = self.hub.create_loop()

    @property
    def bodies(self) -> list[Any]:
        return [message.payload for message in self.received]

    def turn_until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        deadline = monotonic() + seconds * SLOWNESS
        while not condition():
            assert monotonic() < deadline, f"not within {seconds:g} seconds"
            self.turn()

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.hub.call_later(0.02, int)  # so that an idle turn ends soon
            next(self._loop)

    def die(self) -> None:
        """Close the sockets and do nothing else, as the kernel does after SIGKILL."""
        self.channel.do_restore = False
        for pool in (self.channel.pool, self.channel.async_pool):
            for connection in (*pool._available_connections, *pool._in_use_connections):
                if connection._sock:
                    connection._sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.release()
        if self._own_hub:
            self.hub.close()
