"""What a channel of the fast transport keeps in Redis and gives back, without waiting for anything."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any
from uuid import uuid4
from weakref import WeakSet

from kombu.log import get_logger
from kombu.transport import redis as stock
from kombu.utils.encoding import bytes_to_str
from kombu.utils.scheduling import priority_cycle

from celery_units.redis import give_back, reserve
from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import MOST, Source

log = get_logger(__name__)


_LAST_SECONDS = 2.0
"""How long a process that is to end waits for each answer of Redis: an orchestrator kills it soon."""
_channels: "WeakSet[KeepingChannel]" = WeakSet()


def hurry() -> None:
    """Let no channel of this process wait long for a Redis that does not answer: the process is to end."""
    for channel in list(_channels):
        channel.hurry()


class KeepingChannel(stock.Channel):  # type: ignore[misc]
    """Knows the lists behind the queues. A message goes from its list to `unacked`, and back, in one step."""

    _pool: Any = None
    is_hurried = False
    max_connections = 1_000  # a thread that acknowledges needs one; stock's 10 loses acks where there are more

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._cached_client: Any = None
        self._without_acks: set[str] = set()
        self._unbound: list[tuple[Any, ...]] = []
        self._mute = Refusals("to publish events for Flower")
        self._bindings = Refusals("to keep the table of queues")
        super().__init__(*args, **kwargs)
        _channels.add(self)
        self._note = f"{self.global_keyprefix}unacked_noted:{uuid4().hex}"

    def hurry(self) -> None:
        """Wait for no answer longer than `_LAST_SECONDS`, over the connections there are and those to come."""
        self.is_hurried = True
        for pool in filter(None, (self._pool, self._async_pool)):
            for name in ("socket_timeout", "socket_connect_timeout"):
                pool.connection_kwargs[name] = _LAST_SECONDS
            pool.disconnect(inuse_connections=False)  # an open one keeps its timeout in its parser, too
            for connection in (*pool._available_connections, *pool._in_use_connections):  # noqa: SLF001
                connection.socket_timeout = connection.socket_connect_timeout = _LAST_SECONDS
                if (wire := connection._sock) is not None:  # noqa: SLF001
                    with suppress(OSError):
                        wire.settimeout(_LAST_SECONDS)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        if no_ack:
            return super().basic_get(queue, no_ack=True, **kwargs)
        sources = self._sources([queue])
        with self.conn_or_acquire() as client:
            reply = client.execute_command(*self._question(sources, want=1, acks=[]))
            self._maybe_update_queues_expire(client, queue)
        for _, tag, payload in self._messages(reply, sources):
            message = self.Message(payload, channel=self)
            self.qos.append(message, tag)
            return message
        return None

    def give_back(
        self, tags: Sequence[str], *, last: bool = False, latest: float | None = None, lost: bool = False
    ) -> None:
        """Put kept messages back into their queues: before all others or behind them, in the order of `tags`.

        With `latest`: those only that were taken no later. Another process may have been faster. `lost` ones count
        one loss more in their header `losses`. Raise what Redis refuses, once all that it takes is given back.
        """
        if error := self.try_to_give_back(tags, last=last, latest=latest, lost=lost)[1]:
            raise error

    def try_to_give_back(
        self, tags: Sequence[str], *, last: bool = False, latest: float | None = None, lost: bool = False
    ) -> tuple[list[str], Exception | None]:
        """As `give_back`; return the tags that Redis refused, and why."""
        lookup = cache(self._lookup)

        def route(message: dict[str, Any], exchange: str, routing_key: str) -> list[str]:
            step = self._get_message_priority(message, reverse=False)
            return [self._key(queue, step) for queue in lookup(exchange, routing_key) or [routing_key]]

        ordered = list(tags if last else reversed(tags))
        left: list[str] = []
        refused: Exception | None = None
        with self.conn_or_acquire() as client:
            for first in range(0, len(ordered), MOST):
                page = ordered[first : first + MOST]
                with client.pipeline(transaction=False) as pipe:
                    for tag in page:
                        pipe.hget(self.unacked_key, tag)
                    entries = dict(zip(page, pipe.execute(), strict=True))
                try:
                    reply = client.execute_command(
                        *give_back.command(self._unacked, entries, route, latest=latest, last=last, lost=lost)
                    )
                except self.ResponseError as error:
                    left, refused = [*left, *page], error
                else:
                    left += map(bytes_to_str, reply[1:])
                    refused = reply[0] if reply else refused
        return left, refused

    def give_back_old(self, seconds: float, most: int | None) -> None:
        """What was taken so long ago and is not acknowledged, by whomever. Only Redis's clock counts."""
        page = {} if most is None else {"offset": 0, "num": most}
        with self.conn_or_acquire() as client:
            now, microseconds = client.time()
            self._give_back_taken(client, 0, now + microseconds / 1_000_000 - seconds, lost=True, **page)

    def give_back_asked(self, name: str) -> None:
        """What the question of this name took, if it was our last that took something."""
        with self.conn_or_acquire() as client:
            noted, _, moment = bytes_to_str(client.get(self._note) or b"").partition(" ")
            if noted == name:
                self._give_back_taken(client, float(moment), float(moment))

    def _give_back_taken(self, client: Any, since: float, until: float, *, lost: bool = False, **page: int) -> None:
        tags = client.zrange(self.unacked_index_key, since, until, byscore=True, **page)
        self.give_back([bytes_to_str(tag) for tag in tags], latest=until, lost=lost)

    # What a worker does while it starts must not fail where Redis is full or read-only: it could not drain it then.

    def _queue_bind(self, *binding: Any) -> None:
        """Stock kombu's table of bindings. Our messages come back by the name of their queue and do not need it, so
        a binding that Redis refuses is written later.
        """
        try:
            super()._queue_bind(*binding)
        except self.ResponseError as error:
            self._unbound.append(binding)
            self._bindings.add(error)

    def _bind_again(self) -> None:
        if not self._unbound or self._bindings.waits:
            return
        bindings, self._unbound = self._unbound, []
        for binding in bindings:
            self._queue_bind(*binding)
        if not self._unbound:
            self._bindings.end()

    def maybe_refresh_binding_expiry(self) -> None:
        try:
            super().maybe_refresh_binding_expiry()
        except self.ResponseError as error:
            self._bindings.add(error)

    def _size(self, queue: str) -> int:
        """How long the queue is; 0 where Redis refuses to say. A full Redis refuses all that comes in MULTI."""
        with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for step in self.priority_steps:
                pipe.llen(self._q_for_pri(queue, step))
            return sum(size for size in pipe.execute(raise_on_error=False) if isinstance(size, int))

    def _put_fanout(self, *message: Any, **options: Any) -> None:
        """Events and broadcasts are for whoever listens now: one that Redis refuses is dropped, not collected."""
        if self._mute.waits:
            return
        try:
            super()._put_fanout(*message, **options)
        except self.ResponseError as error:
            self._mute.add(error)
        else:
            self._mute.end()

    def _question(self, sources: Sequence[Source], *, want: int, acks: Sequence[str], name: str = "") -> list[Any]:
        width = len(sources) // len(self.priority_steps)
        fair = not isinstance(self._queue_cycle, priority_cycle)
        return reserve.command(
            self._unacked, sources, want=want, width=width, fair=fair, acks=acks, note=self._note, name=name
        )

    def _messages(
        self, reply: Iterable[Any], sources: Sequence[Source]
    ) -> Iterator[tuple[Source, str, dict[str, Any]]]:
        """Each message that Redis took, with its tag. What cannot be read is dropped, for it would come for ever."""
        for source, message in reserve.messages(reply, sources):
            try:
                payload = reserve.decode(message)
                tag = payload["properties"]["delivery_tag"]
            except (ValueError, LookupError, TypeError):
                log.critical("a message of %s that cannot be read is dropped: %.200r", source.queue, message)
                if source.keep and (known := reserve.tag_in(message)):
                    self.qos.ack(known)
            else:
                yield source, tag, payload

    def _sources(self, queues: Sequence[str]) -> list[Source]:
        """The lists of these queues, the most urgent first."""
        return [
            Source(queue, key := self._key(queue, step), f"{key}{self.sep}calls", queue not in self._without_acks)
            for step in self.priority_steps
            for queue in queues
        ]

    def _key(self, queue: str, step: int) -> str:
        return f"{self.global_keyprefix}{self._q_for_pri(queue, step)}"

    @property
    def _unacked(self) -> tuple[str, str]:
        return f"{self.global_keyprefix}{self.unacked_key}", f"{self.global_keyprefix}{self.unacked_index_key}"

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for all that is not polled: making one costs more than a command."""
        if asynchronous:
            return super()._create_client(asynchronous=True)
        if self._cached_client is None or self._cached_client.connection_pool is not self.pool:
            self._cached_client = super()._create_client()
        return self._cached_client
