"""The channel of the fast transport: it takes messages by the hundred and hands them out one by one."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from queue import Empty
from time import monotonic
from typing import Any

from kombu.log import get_logger
from kombu.transport import redis as stock

from celery_units.redis.kept import KeepingChannel
from celery_units.redis.qos import QoS
from celery_units.redis.refusal import Refusals
from celery_units.redis.reserve import MOST, Source, error_in
from celery_units.redis.version import check_server
from celery_units.redis.waiter import Bells

log = get_logger(__name__)

TURN_SECONDS = 0.01
"""How long messages are handed out before the event loop turns."""
PATIENCE_SECONDS = 1.0
"""How long a little credit waits for more, where nothing else calls for a question."""


class RedisChannel(KeepingChannel):
    """A question tells Redis of acks and takes messages; the poller sees its answer. Where the lists are empty, the
    bells wait. The poller knows all of it as BRPOP.

    A question that Redis refuses is asked again after a moment, over a new connection. Nothing is dropped with it:
    the messages in hand stay in hand, and the acks are part of the next question.
    """

    QoS = QoS
    _in_poll: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.taken: deque[tuple[Source, str, dict[str, Any]]] = deque()
        self._found_all = False
        self._bells = Bells(self)
        self._asked: list[Source] = []
        self._wanted = 0
        self._names = map(str, count(1))
        self._unanswered: str | None = None
        self._look_now = True
        self._is_broken = False
        self._refusals = Refusals("to hand out messages")
        self._unreadable = Refusals("to hand out messages of one of the queues")
        self._deaf = Refusals("to subscribe to commands for the workers")
        super().__init__(*args, **kwargs)

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        with self.conn_or_acquire() as client:
            check_server(client)
        (self._without_acks.add if no_ack else self._without_acks.discard)(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def close(self) -> None:
        """Give back what is in hand. Wait twice at most for a Redis that does not answer, not at each step."""
        self._closing = True
        if not self.closed:
            self.hurry()
            if self.connection.silent or not self._is_wound_up():
                self.connection.silent = True
                self._in_poll = None
                self.auto_delete_queues.clear()
                if self._qos:
                    self._qos.forget()
            self.taken.clear()
            self._bells.hang([])
        pool = self._pool
        super().close()
        self._pool = pool  # for the ack of what was under way: it finds Redis without us

    def _is_wound_up(self) -> bool:
        """Give back all; False where Redis does not answer. An old connection may be dead where a new one is not."""
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
                self._wind_up()
            except self.connection_errors as error:
                failed: Exception = error
                self.pool.disconnect(inuse_connections=False)
            else:
                return True
        log.warning("messages return to their queues only after the visibility timeout: %s", failed)
        return False

    def _wind_up(self) -> None:
        """Raise where the connection to Redis fails. It may be called again then."""
        self._give_up_answer()
        if self._qos:
            self._qos.wind_up()
        with suppress(self.ResponseError):
            for queue in self.auto_delete_queues.intersection(self._fanout_queues):
                self.queue_delete(queue)

    @property
    def is_waiting(self) -> bool:
        """Whether the lists were empty, and no question is due or under way."""
        return self._found_all and not self._look_now and not self._in_poll

    @property
    def loop(self) -> Any:
        """The event loop that takes care of this channel, for a caller that runs in it. Else None."""
        return None if self._closing else self.connection.loop_here

    def look(self) -> bool:
        """There may be a message, or something to tell. Whether a question follows, in this turn of the loop or after
        a refusal.
        """
        self._look_now = True
        return bool(self.active_queues and self.qos.can_consume())

    # What the poller calls

    def _brpop_start(self, timeout: float | None = None) -> None:  # noqa: ARG002
        if self._refusals.waits:
            self._hand_out_meanwhile()
            return
        want = self._wish()
        if want is None:
            return
        if want:
            self._look_now = False
            self.qos.none_is_due()
        self._give_up_answer()
        self._asked, self._wanted = self._sources(self._queue_cycle.consume(len(self.active_queues))), want
        self._unanswered, self._brpop_sent_at = next(self._names), monotonic()
        question = self._question(self._asked, want=want, acks=self.qos.acks_to_send(), name=self._unanswered)
        self._in_poll = self.client.connection
        try:
            self._in_poll.send_command(*question)
        except self.connection_errors as error:
            self._broke(error)

    def _brpop_read(self, **_: Any) -> bool:
        if not self._in_poll:  # the server closed an idle connection; the next start makes another
            self.client.connection.disconnect()
            raise Empty
        try:
            reply = self.client.parse_response(self._in_poll, "EVAL")
        except self.connection_errors as error:
            self._broke(error)
            raise Empty from None
        except self.ResponseError as error:
            self._refused(error)
            raise Empty from None
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        self._unanswered, self._is_broken = None, False
        self._refusals.end()
        self.qos.acks_arrived()
        self._bind_again()
        if partly := error_in(reply):
            self._unreadable.add(partly)
        elif self._wanted:
            self._unreadable.end()
        self._take(self._messages(reply, self._asked))
        if not self._hand_out():
            raise Empty
        return True

    # What these do

    def _broke(self, error: Exception) -> None:
        """Connect anew, once: what is under way stays ours. Only a server that is gone makes Celery start over."""
        self.client.connection.disconnect()
        self._in_poll = None
        if self._is_broken or self._closing:
            raise error
        self._is_broken = self._look_now = True
        log.warning("asking Redis again: %s", error)

    def _refused(self, error: Exception) -> None:
        """Ask again later, over a new connection: a primary that became a replica keeps the old ones open, while the
        name or the proxy that we connect to leads to the new primary.
        """
        self.client.connection.disconnect()
        self.pool.disconnect(inuse_connections=False)
        self._unanswered = None  # a script that is refused has taken nothing
        self._look_now = True
        self._call_later(self._refusals.add(error), self.look)

    def _hand_out_meanwhile(self) -> None:
        if self._hand_out() and self.taken:
            self._call_later(TURN_SECONDS, int)  # the loop turns again soon

    def _call_later(self, seconds: float, what: Callable[[], Any]) -> None:
        if loop := self.loop:
            loop.call_later(seconds, what)

    # Broadcasts: what `celery inspect` and Flower ask of the workers

    def _subscribe(self) -> None:
        if not self._deaf.waits:
            super()._subscribe()

    def _receive(self) -> Any:
        try:
            received = super()._receive()
        except self.ResponseError as error:
            self._in_listen = None
            self.subclient.connection.disconnect()
            self._deaf.add(error)
            raise Empty from None
        self._deaf.end()
        return received

    def _give_up_answer(self) -> None:
        """What a question took whose answer never came is nobody's: give it back, or the visibility timeout does."""
        if self._unanswered is not None:
            with suppress(self.ResponseError, *(() if self._closing else self.connection_errors)):
                self.give_back_asked(self._unanswered)
            self._unanswered = None

    def _wish(self) -> int | None:
        """How many messages to ask for now. 0: only tell of acks, and let the event loop turn. None: ask nothing."""
        if self.taken:
            return 0
        if not self._look_now and (self._found_all or not self._is_worth_it()):
            return None
        room = self.qos.can_consume_max_estimate() if self.connection.loop else 1
        return MOST if room is None else min(room, MOST)

    def _is_worth_it(self) -> bool:
        """A question for each message that is done would cost more than the messages do."""
        waited = monotonic() - (self._brpop_sent_at or 0.0)
        return not self.connection.loop or self.qos.has_room(MOST) or waited > PATIENCE_SECONDS

    def _take(self, messages: Iterable[tuple[Source, str, dict[str, Any]]]) -> None:
        found = list(messages)
        if self._wanted:
            self._found_all = len(found) < self._wanted
            self._bells.looked(bool(found))
        if found:
            self._queue_cycle.rotate(found[0][0].queue)
            self.qos.hold(tag for source, tag, _ in found if source.keep)
            self.taken.extend(found)
            self._part_with_strangers()

    def _hand_out(self) -> bool:
        """Whether there was a message to hand out. One is enough where no event loop turns."""
        until, started = monotonic() + TURN_SECONDS, bool(self.taken)
        while self.taken and not self._closing and self.qos.can_consume():
            source, _, payload = self.taken.popleft()
            self.connection._deliver(payload, source.queue)  # noqa: SLF001  kombu's own channel does
            if monotonic() > until or not self.connection.loop:
                break
        return started

    def _part_with_strangers(self) -> None:
        """Give back what was taken from queues that are consumed no more."""
        strangers = [tag for source, tag, _ in self.taken if source.queue not in self._active_queues]
        if strangers:
            self.taken = deque(each for each in self.taken if each[0].queue in self._active_queues)
            try:
                self.give_back(strangers)
            except (self.ResponseError, *self.connection_errors) as error:
                self.connection.silent = self.is_hurried and isinstance(error, stock.redis.exceptions.TimeoutError)
                self.qos.give_back_later(strangers)
                raise
            self.qos.let_go(strangers)

    def _basic_cancel(self, consumer_tag: str) -> None:
        super()._basic_cancel(consumer_tag)
        self._part_with_strangers()

    def _update_queue_cycle(self) -> None:
        super()._update_queue_cycle()
        self._look_now = True
        if not self._closing:
            self._bells.hang(self._sources(self.active_queues))
