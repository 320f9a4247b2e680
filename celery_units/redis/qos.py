"""What a channel has taken and not acknowledged, and the acks and rejects that Redis has not confirmed."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from kombu.log import get_logger
from kombu.transport import redis as stock
from kombu.transport import virtual

from celery_units.redis.refusal import Refusals

log = get_logger(__name__)

ACK_SECONDS = 0.02
"""How long an ack waits for company."""


class QoS(stock.QoS):  # type: ignore[misc]
    """Counts credit at once, and lets the channel tell Redis of acks when it next asks for messages."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        super().__init__(channel, prefetch_count)
        self._acked: deque[str] = deque()  # any thread may append
        self._on_the_way: list[str] = []
        self._rejected: deque[str] = deque()  # to be given back; any thread may append
        self._timer: Any = None
        self._refusals = Refusals("acknowledgements and messages that are given back")

    def can_consume(self) -> bool:
        """What is taken needs no credit any more."""
        return bool(self.channel.taken) or super().can_consume()

    def has_room(self, most: int) -> bool:
        """Whether half of the credit is free, or all that one question could use."""
        room = self.can_consume_max_estimate()
        return room is None or room >= min(most, self.prefetch_count / 2)

    def hold(self, tags: Iterable[str]) -> None:
        """They are ours from now on, before anybody sees them."""
        if self._dirty:
            self._flush()
        for tag in tags:
            self._quick_append(tag, None)

    def let_go(self, tags: Iterable[str]) -> None:
        """They are not ours any more."""
        for tag in tags:
            self._quick_ack(tag)

    def append(self, message: Any, delivery_tag: str) -> None:
        """Redis keeps it already."""
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)
        self._acked.append(delivery_tag)
        self._tell_soon()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """With `requeue` the message goes back into its queue, behind those that wait. Many go in one command."""
        if not requeue:
            self.ack(delivery_tag)
            return
        virtual.QoS.ack(self, delivery_tag)
        self._rejected.append(delivery_tag)
        self._tell_soon()

    def give_back_later(self, tags: Iterable[str]) -> None:
        """Redis refused to take these back, or did not answer: try again until it does."""
        for tag in tags:
            self._quick_ack(tag)
            self._rejected.append(tag)
        if self.channel.loop:
            self._tell_soon()

    def forget(self) -> None:
        """The channel ends: what is still in hand returns after the visibility timeout."""
        self._delivered.clear()
        self._delivered.restored = True

    def _tell_soon(self) -> None:
        loop = self.channel.loop
        if loop is None:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(ACK_SECONDS, self._are_due)

    def _are_due(self) -> None:
        self._timer = None
        try:
            self._give_back_rejected()
            if not self.channel.look():
                self.flush()
        except self.channel.ResponseError as error:
            wait = self._refusals.add(error)
            if loop := self.channel.loop:
                self._timer = loop.call_later(wait, self._are_due)
        else:
            self._refusals.end()

    def none_is_due(self) -> None:
        """All acks so far are told of."""
        if self._timer is not None and not self._rejected:
            self._timer = self._timer.cancel()

    def acks_to_send(self) -> list[str]:
        """All that Redis has not confirmed. Those of a command whose answer was lost come again."""
        self._on_the_way += _drained(self._acked)
        return self._on_the_way

    def acks_arrived(self) -> None:
        self._on_the_way = []

    def flush(self) -> None:
        """Tell Redis now. Any thread may call it."""
        if tags := _drained(self._acked):
            self._flush_acks(tags)
        self._give_back_rejected()

    def _flush_acks(self, tags: list[str]) -> None:
        try:
            # No MULTI: a full Redis refuses it. An index entry alone is dropped at its visibility timeout.
            with self.channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
                pipe.hdel(self.unacked_key, *tags).zrem(self.unacked_index_key, *tags).execute()
        except BaseException:
            self._acked.extend(tags)
            raise

    def _give_back_rejected(self) -> None:
        """Raise what Redis refuses: they stay rejected, and the next try or the end of the channel repeats it."""
        tags = _drained(self._rejected)
        try:
            left, error = self.channel.try_to_give_back(tags, last=True)
        except BaseException:
            self._rejected.extend(tags)
            raise
        if error:
            self._rejected.extend(left)
            raise error

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ARG002
        self.channel.give_back([tag], last=leftmost)

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002
        self.channel.give_back(list(self._delivered))
        self._delivered.clear()

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """As `wind_up`, which may have been called before. Raise nothing."""
        try:
            self.wind_up(stderr)
        except self.channel.connection_errors as error:
            log.warning("messages return to their queues only after the visibility timeout: %s", error)
            self.forget()

    def wind_up(self, stderr: Any = None) -> None:
        """The end of the channel: what is acknowledged goes, what is not goes back.

        Raise where the connection fails: it may be called again then.
        """
        if self._delivered.restored:
            return
        try:
            self._acked.extendleft(reversed(self._on_the_way))
            self._on_the_way = []
            self.flush()
            super().restore_unacked_once(stderr)
        except self.channel.ResponseError as error:
            log.warning("messages return to their queues only after the visibility timeout: %s", error)
        except self.channel.connection_errors:
            self._delivered.restored = False
            raise
        self.forget()

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:  # noqa: ARG002
        """Give back what was taken too long ago, by whomever; the claims need no lock."""
        self._vrestore_count += 1
        if (self._vrestore_count - 1) % (interval or 1):
            return
        try:
            self.channel.give_back_old(self.visibility_timeout, num)
        except self.channel.ResponseError as error:
            self._refusals.add(error)


def _drained(tags: deque[str]) -> list[str]:
    """All of them, in order, and none is left."""
    found = []
    while tags:
        try:
            found.append(tags.popleft())
        except IndexError:  # another thread was faster
            break
    return found
