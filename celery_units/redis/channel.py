"""The channel of the fast transport: it reserves messages by the hundred and hands them out."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from queue import Empty
from time import monotonic
from typing import Any

from kombu.log import get_logger
from kombu.transport import redis as stock

from celery_units.redis.handing_out import HandingOut, Run
from celery_units.redis.kept import KeptMessages
from celery_units.redis.qos import QoS
from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import MOST, QueueList, error_in
from celery_units.redis.timeouts import Timeouts
from celery_units.redis.tolerant import TolerantChannel
from celery_units.redis.version import check_server
from celery_units.redis.waiter import Waiters

log = get_logger(__name__)

TURN_SECONDS = 0.01
"""How long messages are handed out before the event loop turns."""
PATIENCE_SECONDS = 1.0
"""How long a request for less than half of the prefetch limit is put off, where nothing else causes one."""


class RedisChannel(TolerantChannel):
    """Sends reservation requests: one EVAL acknowledges and reserves. While the lists are empty, waiters block.

    kombu's poller sends and reads a request as it does BRPOP. Where Redis refuses a request, the channel repeats it
    after a moment over a new connection: the reserved messages stay reserved, and the acknowledgements are part of
    the next request.
    """

    QoS = QoS
    max_connections = 1_000  # each thread that acknowledges needs one; with stock's 10, acks fail if there are more
    _in_poll: Any
    _pool: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.reserved = HandingOut(self)
        self._lists_are_empty = False
        self._waiters = Waiters(self)
        self._requested: list[QueueList] = []
        self._wanted = 0
        self._names = map(str, count(1))
        self._unanswered: str | None = None
        self._request_is_due = True
        self._is_broken = False
        self._refusals = Refusals("Redis refuses to hand out messages")
        self._list_refusals = Refusals("Redis refuses to hand out messages of one of the queues")
        super().__init__(*args, **kwargs)
        self.kept = KeptMessages(self)
        self._timeouts = Timeouts(self)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        """Raises UnfitRedis."""
        with self.conn_or_acquire() as client:
            check_server(client)
        (self.kept.without_acks.add if no_ack else self.kept.without_acks.discard)(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        if no_ack:
            return super().basic_get(queue, no_ack=True, **kwargs)
        lists = self.kept.lists([queue])
        with self.conn_or_acquire() as client:
            reply = client.execute_command(*self.kept.request(lists, want=1, acks=[]))
            self._maybe_update_queues_expire(client, queue)
        for run in self.kept.read(reply, lists):
            (tag,) = run.tags
            message = self.Message(run.take_one(), channel=self)
            self.qos.append(message, tag)
            return message
        return None

    def close(self) -> None:
        """Give back all reserved messages. Waits for at most two answers of Redis, even if it answers nothing."""
        self._closing = True
        if not self.closed:
            self._timeouts.shorten()
            if self.connection.unresponsive or not self._finish():
                self.connection.unresponsive = True
                self._in_poll = None
                self.auto_delete_queues.clear()
                if self._qos:
                    self._qos.abandon()
            self.reserved.clear()
            self._waiters.wait_for([])
        pool = self._pool
        super().close()
        self._pool = pool  # a task that ends after the close still acknowledges its message

    def _finish(self) -> bool:
        """Give back all reserved messages. Return False where Redis does not answer.

        The second try takes a new connection, because only the old one may be dead.
        """
        tries = 2
        try:
            if self._in_poll:
                self._brpop_read()
        except (Empty, self.ResponseError):
            pass
        except self.connection_errors:
            tries = 1
            self.pool.disconnect(inuse_connections=False)
        for _ in range(tries):
            try:
                self._give_back_unanswered()
                if self._qos:
                    self._qos.finish()
                with suppress(self.ResponseError):
                    for queue in self.auto_delete_queues.intersection(self._fanout_queues):
                        self.queue_delete(queue)
            except self.connection_errors as error:
                failed: Exception = error
                self.pool.disconnect(inuse_connections=False)
            else:
                return True
        log.warning("messages return to their queues only after the visibility timeout: %s", failed)
        return False

    @property
    def is_waiting(self) -> bool:
        """Whether to wait for a message: the lists were empty, and no request is due or unanswered."""
        return self._lists_are_empty and not self._request_is_due and not self._in_poll

    @property
    def loop(self) -> Any:
        """The event loop of this channel, if the caller runs in its thread. Otherwise None."""
        return None if self._closing else self.connection.loop_here

    def request_soon(self) -> bool:
        """Send a reservation request soon: there may be a message, or something to acknowledge.

        Return whether one will be sent: in this turn of the event loop, or at the next try after a refusal.
        """
        self._request_is_due = True
        return bool(self.active_queues and self.qos.can_consume())

    # What kombu's poller calls

    def _brpop_start(self, timeout: float | None = None) -> None:  # noqa: ARG002
        if self._refusals.waits:
            if self._hand_out() and self.reserved:
                self._call_later(TURN_SECONDS, int)  # the event loop turns again soon
            return
        want = self._wanted_now()
        if want is None:
            return
        if want:
            self._request_is_due = False
            self.qos.cancel_timer()
        self._give_back_unanswered()
        self._requested = self.kept.lists(self._queue_cycle.consume(len(self.active_queues)))
        self._wanted, self._unanswered, self._brpop_sent_at = want, next(self._names), monotonic()
        acks = self.qos.acks_to_send()
        request = self.kept.request(self._requested, want=want, acks=acks, name=self._unanswered)
        self._in_poll = self.client.connection
        try:
            self._in_poll.send_command(*request)
        except self.connection_errors as error:
            self._connection_failed(error)

    def _brpop_read(self, **_: Any) -> bool:
        if not self._in_poll:  # the server closed an idle connection; the next start makes another
            self.client.connection.disconnect()
            raise Empty
        try:
            reply = self.client.parse_response(self._in_poll, "EVAL")
        except self.connection_errors as error:
            self._connection_failed(error)
            raise Empty from None
        except self.ResponseError as error:
            self._refused(error)
            raise Empty from None
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        self._unanswered, self._is_broken = None, False
        self._refusals.end()
        self.qos.acks_confirmed()
        self.bind_again()
        if list_error := error_in(reply):
            self._list_refusals.add(list_error)
        elif self._wanted:
            self._list_refusals.end()
        self._add(self.kept.read(reply, self._requested))
        if not self._hand_out():
            raise Empty
        return True

    def _wanted_now(self) -> int | None:
        """Return how many messages to request now; None: send no request.

        0 while reserved messages wait to be handed out: the request only acknowledges, and its reply makes the event
        loop call `_brpop_read`, which hands them out.
        """
        if self.reserved:
            return 0
        if not self._request_is_due and (self._lists_are_empty or not self._is_worth_it()):
            return None
        room = self.qos.can_consume_max_estimate() if self.connection.loop else 1
        return MOST if room is None else min(room, MOST)

    def _is_worth_it(self) -> bool:
        """Return whether a request can reserve enough messages to be worth its cost."""
        waited = monotonic() - (self._brpop_sent_at or 0.0)
        return not self.connection.loop or self.qos.has_room(MOST) or waited > PATIENCE_SECONDS

    def _connection_failed(self, error: Exception) -> None:
        """Connect anew once, with the reserved messages kept. Raise if that fails too: Celery then starts over."""
        self.client.connection.disconnect()
        self._in_poll = None
        if self._is_broken or self._closing:
            raise error
        self._is_broken = self._request_is_due = True
        log.warning("the connection to Redis failed; sending the reservation request again: %s", error)

    def _refused(self, error: Exception) -> None:
        """Repeat the request later, over a new connection.

        A primary that became a replica keeps the old connections open, while the address leads to the new primary.
        """
        self.client.connection.disconnect()
        self.pool.disconnect(inuse_connections=False)
        self._unanswered = None  # a script that Redis refuses has reserved nothing
        self._request_is_due = True
        self._call_later(self._refusals.add(error), self.request_soon)

    def _give_back_unanswered(self) -> None:
        """Give back what a request without an answer reserved. If that fails, the visibility timeout does it."""
        if self._unanswered is not None:
            with suppress(self.ResponseError, *(() if self._closing else self.connection_errors)):
                self.kept.give_back_unanswered(self._unanswered)
            self._unanswered = None

    def _call_later(self, seconds: float, what: Callable[[], Any]) -> None:
        if loop := self.loop:
            loop.call_later(seconds, what)

    def _add(self, runs: Iterable[Run]) -> None:
        found = list(runs)
        if self._wanted:
            self._lists_are_empty = sum(map(len, found)) < self._wanted
            self._waiters.requested(found=bool(found))
        if found:
            self._queue_cycle.rotate(found[0].origin.queue)
            kept = [tag for run in found if run.origin.keep for tag in run.tags]
            self.qos.hold(kept, since=self._brpop_sent_at)
            self.reserved.add(found)
            self._give_back_cancelled()

    def _hand_out(self) -> bool:
        """Return whether there was a message. Hands out one at most where no event loop turns."""
        until, started = monotonic() + TURN_SECONDS, bool(self.reserved)
        while self.reserved and not self._closing and self.qos.can_consume():
            self.reserved.next()
            if monotonic() > until or not self.connection.loop:
                break
        return started

    def _give_back_cancelled(self) -> None:
        """Give back the reserved messages of queues whose consumers were cancelled."""
        if cancelled := self.reserved.drop_others(self._active_queues):
            try:
                self.kept.give_back(cancelled)
            except (self.ResponseError, *self.connection_errors) as error:
                timed_out = isinstance(error, stock.redis.exceptions.TimeoutError)
                self.connection.unresponsive = self._timeouts.are_short and timed_out
                self.qos.give_back_later(cancelled)
                raise
            self.qos.release(cancelled)

    def _basic_cancel(self, consumer_tag: str) -> None:
        super()._basic_cancel(consumer_tag)
        self._give_back_cancelled()

    def _update_queue_cycle(self) -> None:
        super()._update_queue_cycle()
        self._request_is_due = True
        if not self._closing:
            self._waiters.wait_for(self.kept.awaited(self.active_queues))
