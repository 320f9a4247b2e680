"""Waiting for a message without taking it.

While its lists are empty, a worker blocks in BLMOVE on each of them, from the end of the list to the same end: when a
message comes, the command returns and the message stays where it is. All workers that wait return, and send a
reservation request; one of them gets the message. The workers that lost this race wait one second on the wake-up
list of the queue instead (BRPOP). A reservation request that takes messages from the list puts one element on the
wake-up list, which wakes one of these workers. It puts none there if it has emptied the list, and its worker held no
message before and can run the next one beside these: that worker blocks in BLMOVE again.
So few of many idle workers wake for a message, and at low load one worker goes on alone. If that one is killed or
stops, the next message waits for another worker at most the rest of this second.
"""

from collections.abc import Iterable
from queue import Empty
from time import monotonic
from typing import Any

from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import QueueList

LOSER_SECONDS = 1
"""How long a worker that lost the race waits on the wake-up list."""
RETRY_SECONDS = 1.0
"""Between two reservation requests while Redis refuses the blocking commands."""


class Waiter:
    """Waits for one list, on a connection of its own. To kombu's poller it is one more channel.

    A full Redis refuses BLMOVE, a replica refuses every write. Then the channel sends a request once a second.
    """

    active_fanout_queues = ()
    _in_poll: Any = None
    _brpop_sent_at: float | None = None

    def __init__(self, channel: Any, list_: QueueList) -> None:
        self._channel = channel
        self._list = list_
        self._message_came = False
        self._on_wakeups = False
        self._refusals = Refusals("Redis refuses to wait for messages", longest=RETRY_SECONDS)
        self.client = self  # the poller reads only the `connection` of a client
        self.connection: Any = None
        self.handlers = {"BRPOP": self._brpop_read}

    def __getattr__(self, name: str) -> Any:
        """Everything else that the poller reads is the channel's."""
        return getattr(self._channel, name)

    @property
    def connection_pool(self) -> Any:
        return self._channel.async_pool

    @property
    def active_queues(self) -> bool:
        """Whether to wait. The poller reads it."""
        return bool(self._channel.is_waiting and self._channel.kept.has_room(self._list.queue))

    def requested(self, *, found: bool) -> None:
        """Note the reply to a reservation request: `found` is whether it reserved a message."""
        if self._message_came:
            self._message_came, self._on_wakeups = False, not found

    def close(self) -> None:
        self._channel.connection.cycle.discard(self)
        if self.connection is not None:
            self.connection.disconnect()
            self.connection_pool.release(self.connection)
            self.connection = None

    def _brpop_start(self) -> None:
        if self._refusals.waits:
            return
        self._in_poll = self.connection
        self._brpop_sent_at = monotonic()
        key, wait = self._list.key, self._channel.brpop_timeout or 0
        command = (
            ["BRPOP", self._list.wakeups, LOSER_SECONDS]
            if self._on_wakeups
            else ["BLMOVE", key, key, "RIGHT", "RIGHT", wait]
        )
        try:
            self.connection.send_command(*command)
        except self._channel.connection_errors:
            self._connection_failed()

    def _brpop_read(self) -> None:
        if not self._in_poll:  # the server closed an idle connection; the next start makes another
            self.connection.disconnect()
            raise Empty
        try:
            came = self._channel.client.parse_response(self.connection, "BLMOVE") is not None
            if not self._on_wakeups:
                self._refusals.end()
            self._message_came, self._on_wakeups = came and not self._on_wakeups, False
        except self._channel.connection_errors:
            self._connection_failed()
        except self._channel.ResponseError as error:
            self._refused(error)
        finally:
            self._in_poll = None
        if getattr(self.connection, "_re_auth_token", None) is not None:
            self.connection.disconnect()  # credentials have changed: the next start uses the new ones
        self._channel.request_soon()
        raise Empty

    def _connection_failed(self) -> None:
        """Connect anew. No message is lost with it, and the channel's request finds out whether Redis is gone."""
        self.connection.disconnect()
        self._in_poll = None
        self._channel.request_soon()

    def _refused(self, error: Exception) -> None:
        """Connect anew, for the server may have been replaced; then wait with BRPOP, which a full Redis allows."""
        self.connection.disconnect()
        self._on_wakeups = not self._on_wakeups
        wait = self._refusals.add(error)
        if loop := self._channel.loop:
            loop.call_later(wait, self._channel.request_soon)

    def _poll_error(self, _: str) -> None:
        self._brpop_read()


class Waiters:
    """The waiters of one channel, one for each list that it consumes."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._waiters: dict[str, Waiter] = {}

    def requested(self, *, found: bool) -> None:
        """Note the reply to a reservation request: `found` is whether it reserved a message."""
        for waiter in self._waiters.values():
            waiter.requested(found=found)

    def wait_for(self, lists: Iterable[QueueList]) -> None:
        """Have a waiter for each of these lists and for no others."""
        wanted = {each.key: each for each in lists}
        for key in self._waiters.keys() - wanted.keys():
            self._waiters.pop(key).close()
        for key in wanted.keys() - self._waiters.keys():
            self._waiters[key] = Waiter(self._channel, wanted[key])
            self._channel.connection.cycle.add(self._waiters[key])
