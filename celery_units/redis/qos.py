"""The messages that a channel holds unacknowledged, and the acks and rejects that Redis has not confirmed.

To give a message back is to return it from `unacked` to its queue. kombu's word is to restore it: only methods that
replace or call kombu's have that word in their names.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

from kombu.log import get_logger
from kombu.transport import redis as stock
from kombu.transport import virtual

from celery_units.redis.refusal import Refusals
from celery_units.redis.renewals import Hold, Renewals

log = get_logger(__name__)

ACK_SECONDS = 0.1
"""How long an ack waits for others to be sent with it."""


class QoS(stock.QoS):  # type: ignore[misc]
    """Frees the place of an acknowledged message at once; the channel's next reservation request carries the ack."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        super().__init__(channel, prefetch_count)
        self._acked: deque[str] = deque()  # any thread may append
        self._unconfirmed: list[str] = []
        self._rejected: deque[str] = deque()  # to be given back; any thread may append
        self._timer: Any = None
        self._aside: Counter[str] = Counter()
        self.renewals = Renewals(channel, self._delivered, self.visibility_timeout)
        self._refusals = Refusals("Redis refuses acknowledgements and messages that are given back")

    def set_aside(self, task: str, number: int) -> None:
        """Let so many unacknowledged messages of the task take no room; those of all tasks at most as much as the
        prefetch limit. They wait for others of their kind, and what is behind them in the queues must not.
        """
        self._aside[task] = number

    @property
    def limit(self) -> int:
        """The prefetch limit, and room for the messages that are set aside; 0: none."""
        limit: int = self.prefetch_count
        return limit + min(self._aside.total(), limit)

    def can_consume(self) -> bool:
        """Reserved messages do not count against the prefetch limit again when they are handed out."""
        return bool(self.channel.reserved or self.can_consume_max_estimate() != 0)

    def can_consume_max_estimate(self) -> int | None:
        """How many more messages may be reserved; None: any number."""
        held = len(self._delivered) - len(self._dirty)
        return max(self.limit - held, 0) if self.prefetch_count else None

    def has_room(self, most: int) -> bool:
        """Whether half of the prefetch limit is free, or room for `most` messages."""
        room = self.can_consume_max_estimate()
        return room is None or room >= min(most, self.prefetch_count / 2)

    def hold(self, tags: Iterable[str], since: float) -> None:
        """Count reserved messages, requested at `since`, as unacknowledged before they are handed out."""
        self.forget_acknowledged()
        self._delivered.update(dict.fromkeys(tags, Hold(since, since)))
        self.renewals.start()

    def forget_acknowledged(self) -> None:
        if self._dirty:
            self._flush()

    def release(self, tags: Iterable[str]) -> None:
        """Count messages no more: they were given back."""
        gone = list(tags)
        for tag in gone:
            self._quick_ack(tag)
        self._release_shares(gone)

    def _release_shares(self, tags: Collection[str]) -> None:
        if limited := self.channel.kept.limited:
            limited.release(tags)

    def append(self, message: Any, delivery_tag: str) -> None:  # noqa: ARG002
        """Count the message as unacknowledged. The script that reserved it has written it to `unacked` already."""
        self.forget_acknowledged()  # it may have been given back before, with the same tag
        if delivery_tag not in self._delivered:  # it was taken alone
            self.hold([delivery_tag], monotonic())

    def ack(self, delivery_tag: str) -> None:
        virtual.QoS.ack(self, delivery_tag)
        self._release_shares((delivery_tag,))
        self._acked.append(delivery_tag)
        self._flush_soon()

    def ack_all(self, tags: Collection[str]) -> None:
        """Acknowledge many messages as `ack` does one. Only the consumer's thread may call it."""
        for tag in tags:
            self._delivered.pop(tag, None)
        self._release_shares(tags)
        self._acked.extend(tags)
        self._flush_soon()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """With `requeue` the message goes back into its queue, behind those that wait. One command sends many."""
        if not requeue:
            self.ack(delivery_tag)
            return
        virtual.QoS.ack(self, delivery_tag)
        self._release_shares((delivery_tag,))
        self._rejected.append(delivery_tag)
        self._flush_soon()

    def give_back_later(self, tags: Iterable[str]) -> None:
        """Reject messages that Redis did not take back, and try until it does."""
        gone = list(tags)
        for tag in gone:
            self._quick_ack(tag)
            self._rejected.append(tag)
        self._release_shares(gone)
        if self.channel.loop:
            self._flush_soon()

    def abandon(self) -> None:
        """The channel ends: the messages it still holds return after the visibility timeout."""
        self._delivered.clear()
        self._delivered.restored = True

    def _flush_soon(self) -> None:
        loop = self.channel.loop
        if loop is None:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(ACK_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        try:
            self._give_back_rejected()
            if not self.channel.request_soon():
                self.flush()
        except self.channel.ResponseError as error:
            wait = self._refusals.add(error)
            if loop := self.channel.loop:
                self._timer = loop.call_later(wait, self._on_timer)
        else:
            self._refusals.end()

    def cancel_timer(self) -> None:
        """Cancel the timer unless messages are rejected: the channel sends a request, and all acks with it."""
        if self._timer is not None and not self._rejected:
            self._timer = self._timer.cancel()

    def acks_to_send(self) -> list[str]:
        """All acks that Redis has not confirmed, also those of an earlier command whose answer was lost."""
        self._unconfirmed += _drained(self._acked)
        return self._unconfirmed

    def acks_confirmed(self) -> None:
        self._unconfirmed = []

    def flush(self) -> None:
        """Send acks and rejects now, without a reservation request. Any thread may call it."""
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
        """Raises what Redis refuses. Those messages stay rejected, for the next try or the end of the channel."""
        tags = _drained(self._rejected)
        try:
            left, error = self.channel.kept.try_to_give_back(tags, last=True)
        except BaseException:
            self._rejected.extend(tags)
            raise
        if error:
            self._rejected.extend(left)
            raise error

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ARG002
        self.channel.kept.give_back([tag], last=leftmost)

    def restore_unacked(self, client: Any = None) -> None:  # noqa: ARG002
        tags = list(self._delivered)
        self.channel.kept.give_back(tags)
        self._delivered.clear()
        self._release_shares(tags)

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Like `finish`, which may have been called before, but raises nothing."""
        try:
            self.finish(stderr)
        except self.channel.connection_errors as error:
            log.warning("messages return to their queues only after the visibility timeout: %s", error)
            self.abandon()

    def finish(self, stderr: Any = None) -> None:
        """The channel ends: send all acks, and give back the messages without one.

        Raises where the connection fails; it may be called again then.
        """
        if self._delivered.restored:
            return
        try:
            self._acked.extendleft(reversed(self._unconfirmed))
            self._unconfirmed = []
            self.flush()
            super().restore_unacked_once(stderr)
        except self.channel.ResponseError as error:
            log.warning("messages return to their queues only after the visibility timeout: %s", error)
        except self.channel.connection_errors:
            self._delivered.restored = False
            raise
        self.abandon()

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:  # noqa: ARG002
        """Give back up to `num` messages that any worker has held longer than the visibility timeout.

        Without kombu's lock: the script gives each message back once, also if several workers call it at once.
        """
        self._vrestore_count += 1
        if (self._vrestore_count - 1) % (interval or 1):
            return
        self.forget_acknowledged()
        self.renewals.renew()  # first: after a stop of this process its own messages are overdue
        try:
            self.channel.kept.give_back_overdue(self.visibility_timeout, num)
        except self.channel.ResponseError as error:
            self._refusals.add(error)


def _drained(tags: deque[str]) -> list[str]:
    """All of them, in order; none is left."""
    found: list[str] = []
    with suppress(IndexError):  # another thread may take some too
        while True:
            found.append(tags.popleft())
    return found
