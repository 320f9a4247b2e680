"""kombu's channel but for reserving: its messages, the table of bindings, the sizes of queues, events, broadcasts."""

from queue import Empty
from typing import Any

from kombu.exceptions import DecodeError
from kombu.message import Message as AnyMessage
from kombu.transport import redis as stock
from kombu.transport import virtual

from celery_units import malformed
from celery_units.redis.refusal import Refusals


class Message(virtual.Message):  # type: ignore[misc]
    """Keeps the fault in `errors`, as kombu does if a body cannot be decompressed: its consumer gets a decode error.

    Raised here, the fault would end the channel, and the message would come again and again.
    """

    def __init__(self, payload: dict[str, Any], channel: Any = None, **options: Any) -> None:
        try:
            super().__init__(payload, channel=channel, **options)
        except malformed.ERRORS as error:
            tag = payload["properties"]["delivery_tag"]
            fault = DecodeError(f"the message with the delivery tag {tag} is malformed: {type(error).__name__}")
            self._raw, self.errors = payload, [(DecodeError, fault, None)]
            AnyMessage.__init__(self, body="", delivery_tag=tag, channel=channel)


class TolerantChannel(stock.Channel):  # type: ignore[misc]
    """Logs and continues if Redis refuses a command for a binding, an event or a subscription.

    A worker must be able to start while Redis is full: otherwise its queues would never be emptied.
    """

    Message = Message
    _cached_client: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unbound: list[tuple[Any, ...]] = []
        self._bind_refusals = Refusals("Redis refuses to keep the table of queues")
        self._event_refusals = Refusals("Redis refuses to publish events for Flower")
        self._subscribe_refusals = Refusals("Redis refuses to subscribe to commands for the workers")
        super().__init__(*args, **kwargs)

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for everything that is not polled, because making one costs more than a command."""
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._cached_client is None or self._cached_client.connection_pool is not self.pool:
            self._cached_client = super()._create_client()
        return self._cached_client

    def bind_again(self) -> None:
        """Write the bindings that Redis refused, if it is time to try again."""
        if not self._unbound or self._bind_refusals.waits:
            return
        bindings, self._unbound = self._unbound, []
        for binding in bindings:
            self._queue_bind(*binding)
        if not self._unbound:
            self._bind_refusals.end()

    def _queue_bind(self, *binding: Any) -> None:
        """Write a binding, later if Redis refuses it. Messages do not need it to return to their queue."""
        try:
            super()._queue_bind(*binding)
        except self.ResponseError as error:
            self._unbound.append(binding)
            self._bind_refusals.add(error)

    def maybe_refresh_binding_expiry(self) -> None:
        try:
            super().maybe_refresh_binding_expiry()
        except self.ResponseError as error:
            self._bind_refusals.add(error)

    def _size(self, queue: str) -> int:
        """Return the number of messages that wait in the queue; 0 if Redis refuses the command.

        Not in a transaction, as kombu does it: a full Redis refuses every command in MULTI.
        """
        with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for step in self.priority_steps:
                pipe.llen(self._q_for_pri(queue, step))
            return sum(size for size in pipe.execute(raise_on_error=False) if isinstance(size, int))

    def _put_fanout(self, *message: Any, **options: Any) -> None:
        """Publish an event or a broadcast, which only current subscribers receive. Dropped if Redis refuses it."""
        if self._event_refusals.waits:
            return
        try:
            super()._put_fanout(*message, **options)
        except self.ResponseError as error:
            self._event_refusals.add(error)
        else:
            self._event_refusals.end()

    # `celery inspect` and Flower send broadcasts to the workers.

    def _subscribe(self) -> None:
        if not self._subscribe_refusals.waits:
            super()._subscribe()

    def _receive(self) -> Any:
        try:
            received = super()._receive()
        except self.ResponseError as error:
            self._in_listen = None
            self.subclient.connection.disconnect()
            self._subscribe_refusals.add(error)
            raise Empty from None
        self._subscribe_refusals.end()
        return received
