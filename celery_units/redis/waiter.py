"""Waiting for a message without taking it."""

from collections.abc import Iterable
from queue import Empty
from time import monotonic
from typing import Any

from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import Source

LOOK_SECONDS = 1.0
"""Between two questions while Redis refuses the blocking commands that would announce a message."""


class Bell:
    """Rings when a list has a message. It has a connection of its own; to kombu's poller it is one more channel.

    A message rings the bells of all workers, and one of them gets it. Those that came too late rest: for a second
    they hear only calls, and whoever takes from the list calls one of them.

    A full Redis refuses BLMOVE, a replica every write. Then the channel asks once a second.
    """

    active_fanout_queues = ()
    _in_poll: Any = None
    _brpop_sent_at: float | None = None

    def __init__(self, channel: Any, source: Source) -> None:
        self._channel = channel
        self._source = source
        self._rang = self._rests = False
        self._refusals = Refusals("to wait for messages", longest=LOOK_SECONDS)
        self.client = self  # the poller asks a client for its connection only
        self.connection: Any = None
        self.handlers = {"BRPOP": self._brpop_read}

    def __getattr__(self, name: str) -> Any:
        """What else the poller wants to know is as the channel says."""
        return getattr(self._channel, name)

    @property
    def connection_pool(self) -> Any:
        return self._channel.async_pool

    @property
    def active_queues(self) -> bool:
        """Whether to listen: the poller asks."""
        return bool(self._channel.is_waiting)

    def looked(self, found: bool) -> None:
        """The channel did, and found a message or none."""
        if self._rang:
            self._rang, self._rests = False, not found

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
        key, wait = self._source.key, self._channel.brpop_timeout or 0
        listen = ["BLMOVE", key, key, "RIGHT", "RIGHT", wait]  # from the end to the end: it stays where it is
        try:
            self.connection.send_command(*(["BRPOP", self._source.calls, 1] if self._rests else listen))
        except self._channel.connection_errors:
            self._broke()

    def _brpop_read(self) -> None:
        if not self._in_poll:  # the server closed an idle connection; the next start makes another
            self.connection.disconnect()
            raise Empty
        try:
            heard = self._channel.client.parse_response(self.connection, "BLMOVE") is not None
            if not self._rests:
                self._refusals.end()
            self._rang, self._rests = heard and not self._rests, False
        except self._channel.connection_errors:
            self._broke()
        except self._channel.ResponseError as error:
            self._refused(error)
        finally:
            self._in_poll = None
        if getattr(self.connection, "_re_auth_token", None) is not None:
            self.connection.disconnect()  # credentials have changed: the next start uses the new ones
        self._channel.look()
        raise Empty

    def _broke(self) -> None:
        """Nothing is lost with it, and the channel finds out whether Redis is gone."""
        self.connection.disconnect()
        self._in_poll = None
        self._channel.look()

    def _refused(self, error: Exception) -> None:
        """Connect anew, for the server may have been replaced; then wait with BRPOP: a full Redis allows it."""
        self.connection.disconnect()
        self._rests = not self._rests
        wait = self._refusals.add(error)
        if loop := self._channel.loop:
            loop.call_later(wait, self._channel.look)

    def _poll_error(self, _: str) -> None:
        self._brpop_read()


class Bells:
    """Those of one channel: one for each list that it consumes."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._bells: dict[str, Bell] = {}

    def looked(self, found: bool) -> None:
        """The channel did, and found a message or none."""
        for bell in self._bells.values():
            bell.looked(found)

    def hang(self, sources: Iterable[Source]) -> None:
        """For these lists and for no others."""
        wanted = {source.key: source for source in sources}
        for key in self._bells.keys() - wanted.keys():
            self._bells.pop(key).close()
        for key in wanted.keys() - self._bells.keys():
            self._bells[key] = Bell(self._channel, wanted[key])
            self._channel.connection.cycle.add(self._bells[key])
