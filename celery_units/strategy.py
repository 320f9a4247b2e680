"""How a worker's consumer makes units of the messages that it receives.

No timer is involved. While the pool has a free place, messages go there in the turn of the event loop in which they
came. While the pool is busy they collect, and the next free place takes all of them, up to the size of a unit. So
units are small at low load and large at high load.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from celery import signals
from celery.exceptions import InvalidTaskError
from celery.worker.request import create_request_cls
from celery.worker.state import reserved_requests, revoked, revoked_stamps
from celery.worker.strategy import default

from celery_units import together
from celery_units.call import is_plain_call, names_are_text, payload_of, usual_call
from celery_units.job import Job
from celery_units.pattern import Fill, pattern
from celery_units.redis.alike import AlikeMessage, AlikeMessages, Reserved, decoded
from celery_units.redis.channel import RedisChannel
from celery_units.request import UnitRequest, was_lost
from celery_units.reserved import ReservedRequest, request_dict_of
from celery_units.sample import Sample
from celery_units.shares import QueueShares
from celery_units.units import UnitTask

log = logging.getLogger(__name__)

_PATTERNS = 32
"""So many kinds of alike messages are remembered."""
_EVENT_BUFFER = 500
"""Events that Celery sends in one message to the broker."""


def unit_strategy(task: UnitTask, app: Any, consumer: Any) -> Callable[..., None]:
    """Return the function that receives the task's messages. Celery calls this for each connection to the broker."""
    if consumer.hub is None:  # gevent, Windows: there is no event loop whose turns collect messages
        return default(task, app, consumer)  # type: ignore[no-any-return]
    collector = Collector(task, app, consumer)
    consumer.hub.on_tick.add(collector.start_units)
    channel = collector.channel
    if isinstance(channel, RedisChannel) and not app.conf.worker_disable_prefetch:
        channel.reserved.takers[task.name] = collector
    if isinstance(channel, RedisChannel):
        channel.kept.spare = partial(_spare, consumer.pool)
    return collector.receive


class Collector:
    """Collects messages of one task and one connection until they go to the pool. Runs in the consumer's thread."""

    def __init__(self, task: UnitTask, app: Any, consumer: Any) -> None:
        self._task = task
        self._consumer = consumer
        self._connection = consumer.connection
        self.channel: Any = getattr(consumer.connection, "default_channel", None)
        """The channel of the messages; with the fast transport it calls `take`."""
        self._broken = False
        self._waiting: dict[_Kind, list[UnitRequest]] = {}
        self._again: dict[_Kind, list[UnitRequest]] = {}
        self._running = 0
        kept = getattr(self.channel, "kept", None)
        self._shares: QueueShares | None = kept and kept.limited
        self._sets_aside = isinstance(self.channel, RedisChannel)
        self._running_by_level: Counter[int] = Counter()
        self._running_suspects = 0
        """How many of the running units consist of messages that were lost before."""
        self._receive_alone = default(task, app, consumer)
        events = consumer.event_dispatcher
        if events:
            events.buffer_limit = _EVENT_BUFFER
        self._sample = Sample(task.event_sample)
        request_class = partial(
            create_request_cls, task=task, pool=consumer.pool, hostname=consumer.hostname, eventer=events, app=app
        )
        self._request, self._reserved_request = request_class(UnitRequest), request_class(ReservedRequest)
        self._patterns: dict[AlikeMessages, Fill | None] = {}
        """What makes the dicts of the requests of alike messages. None: such messages are not usual."""
        self._reserved_request.share(task=task, eventer=events, fill=self._complete)
        self._options = {
            "task": task,
            "eventer": events,
            "hostname": consumer.hostname,
            "app": app,
            "connection_errors": consumer.connection_errors,
            "decoded": True,
            "utc": app.uses_utc_timezone(),
        }

    def receive(self, message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        """Take one message. Raises InvalidTaskError, on which the consumer logs and drops it."""
        payload = payload_of(message) if body is None else body
        if self._consumer.task_buckets[self._task.name] or not is_plain_call(message.headers, payload):
            self._receive_alone(message, body, ack, reject, callbacks)
            return
        if not names_are_text(message.headers, message.properties):
            raise InvalidTaskError("a name is no text")
        self._add([self._request(message, headers=message.headers, **self._options_of(message, payload))], callbacks)

    def take(self, message: dict[str, Any]) -> bool:
        """Take one message as it is in Redis: no object of kombu is made, and only a part of Celery's request.

        Return False for what is not usual. It comes to `receive` then.
        """
        request_dict = self._request_dict(message)
        if request_dict is None or self._consumer.task_buckets[self._task.name]:
            return False
        tag = message["properties"]["delivery_tag"]
        request = self._reserved_request(tag, request_dict, time.time(), message)
        self._add([request], self._consumer.on_task_message)
        return True

    def takes(self, message: AlikeMessage) -> bool:
        """Return whether messages like this one are usual: then `take_alike` takes them."""
        if message.kind not in self._patterns:
            self._learn(message)
        return self._patterns[message.kind] is not None and not self._consumer.task_buckets[self._task.name]

    def take_alike(self, messages: Sequence[AlikeMessage]) -> None:
        """Take messages of one kind as `take` does one."""
        fill, make, now = self._patterns[messages[0].kind], self._reserved_request, time.time()
        assert fill  # noqa: S101
        requests = [make(each.tag, fill(each.id, each.tag), now, each) for each in messages]
        self._add(requests, self._consumer.on_task_message)

    def _request_dict(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the dict of the message's request. None if it is not usual."""
        call = usual_call(message, self.channel.decode_body)
        return None if call is None else request_dict_of(message, call, self._consumer.hostname)

    def _learn(self, message: AlikeMessage) -> None:
        request_dict, other = self._request_dict(message.decoded()), message.kind.other
        try:
            fill = request_dict and pattern(request_dict, message.id, message.tag)
            if fill and fill(other.id, other.tag) != self._request_dict(other.decoded()):
                fill = None  # for example an id in the body that is written with escapes
        except RecursionError:
            fill = None
        if len(self._patterns) >= _PATTERNS:
            self._patterns.clear()
        self._patterns[message.kind] = fill or None

    def _complete(self, reserved: Reserved, request: ReservedRequest) -> None:
        """Make the objects of kombu and Celery that `take` left out."""
        payload = decoded(reserved)
        message = self.channel.Message(payload, channel=self.channel)
        call = usual_call(payload, self.channel.decode_body)
        request.complete(message, **self._options_of(message, call))

    def _options_of(self, message: Any, call: Any) -> dict[str, Any]:
        settled = {"on_ack": partial(self._settle, message.ack), "on_reject": partial(self._settle, message.reject)}
        return {**self._options, **settled, "body": call}

    def _add(self, arrived: Sequence[UnitRequest], callbacks: Any) -> None:
        """Let messages of one kind wait for a unit, without those that are revoked or have expired."""
        if not (requests := _without_revoked(arrived)):
            return
        shown = self._sample.shown([each.id for each in requests])
        for request, is_shown in zip(requests, shown, strict=True):
            request.shown = is_shown
        if signals.task_received.receivers:
            for request in requests:
                signals.task_received.send(sender=self._consumer, request=request)
        for request in requests:
            if request.shown:
                request.send_received()
        together.reserve(requests)
        for callback in callbacks or ():
            for request in requests:
                callback(request)
        self._waiting.setdefault(_kind(requests[0]), []).extend(requests)

    def start_units(self) -> None:
        """Start a unit for each free place. Called in each turn of the event loop, before it waits.

        After the connection is gone it drops the messages that have not started, because the broker delivers them
        again; those that have started and are to run again still do.
        """
        if gone := self._is_gone():
            self._consumer.hub.on_tick.discard(self.start_units)
            self._waiting.clear()
        self._start_waiting(gone=gone)
        if self._sets_aside and not gone:
            aside = sum(len(waiting) for kind, waiting in self._waiting.items() if kind[1])
            self.channel.qos.set_aside(self._task.name, aside)

    def _start_waiting(self, *, gone: bool) -> None:
        while self._again and (kind := self._next(self._again, gone=gone)):
            self._start(kind, self._next_unit(self._again, kind), begun=True)
        while self._waiting and (kind := self._next(self._waiting)):
            if requests := _without_revoked(self._next_unit(self._waiting, kind)):
                self._start(kind, requests)

    def _next(self, waiting: "dict[_Kind, list[UnitRequest]]", *, gone: bool = False) -> "_Kind | None":
        """The first kind for which there is a place in the pool. None if there is none."""
        return next((kind for kind in waiting if gone or self._has_place(kind)), None)

    def _has_place(self, kind: "_Kind") -> bool:
        """Messages that were lost before have half of the places: they are slow, and the others must not wait."""
        places = self._consumer.pool.num_processes
        if self._shares and not self._share_has_place(self._shares, kind[0], places):
            return False
        return bool(self._running < places and (not kind[1] or self._running_suspects < max(places // 2, 1)))

    def _share_has_place(self, shares: QueueShares, queue: str, places: int) -> bool:
        """The queues of a group and of those after it have a part of the places: a more urgent unit finds one."""
        running = self._running_by_level
        return all(
            sum(running[level] for level in running if level >= upper) < shares.places(upper, places)
            for upper in range(shares.level(queue) + 1)
        )

    def _start(self, kind: "_Kind", requests: Sequence[UnitRequest], *, begun: bool = False) -> None:
        self._running += 1
        self._running_suspects += kind[1]
        if self._shares:
            self._running_by_level[self._shares.level(kind[0])] += 1
        ended = partial(self._ended, kind)
        job = Job(self._task, requests, self._consumer, ended, self._run_again, self._acknowledge, begun=begun)
        self._consumer.on_task_request(job)

    def _run_again(self, request: UnitRequest) -> None:
        """Run it again, in a unit with others that are to run again now."""
        self._again.setdefault(_kind(request), []).append(request)
        if self._is_gone():
            self.start_units()

    def _next_unit(self, waiting: "dict[_Kind, list[UnitRequest]]", kind: "_Kind") -> list[UnitRequest]:
        """Take as many as fit into a unit. The rest of this kind waits until each other kind has had a place."""
        requests = waiting.pop(kind)
        if rest := requests[self._task.unit_size :]:
            waiting[kind] = rest
        return requests[: self._task.unit_size]

    def _ended(self, kind: "_Kind") -> None:
        self._running -= 1
        self._running_suspects -= kind[1]
        if self._shares:
            self._running_by_level[self._shares.level(kind[0])] -= 1

    def _acknowledge(self, requests: Sequence[UnitRequest]) -> None:
        """Acknowledge messages whose tasks have succeeded: together those that came to `take`."""
        taken = {request.tag: request for request in requests if request.tag and not request.acknowledged}
        if taken:
            self._settle(partial(self.channel.qos.ack_all, taken), None, self._consumer.connection_errors)
        for request in taken.values():
            request.acknowledged = True
        if len(taken) < len(requests):
            for request in requests:
                request.acknowledge()

    def _settle(self, settle: Callable[..., None], _: Any, errors: Any, *requeue: bool) -> None:
        """Acknowledge or reject a message, unless its connection is gone.

        Over such a connection each of many calls would wait until it fails, and the broker has given the message to
        another worker by now. A message that is requeued because the process ends stays reserved: see `is_ending`.
        """
        if self._broken or self._is_gone() or (any(requeue) and self._task.is_ending()):
            return
        try:
            settle(*requeue)
        except errors as error:
            self._broken = True
            log.warning(
                "acknowledgements do not reach the broker, which will deliver the messages again: %s",
                type(error).__name__,
            )

    def _is_gone(self) -> bool:
        return self._consumer.connection is not self._connection


def _spare(pool: Any) -> int:
    """How many messages may come and leave a place free. None if this process has any task in hand, also one that
    needs no unit: tasks share its interpreter, so other workers are to help.
    """
    return 0 if reserved_requests else pool.num_processes - 1


_Kind = tuple[str, bool]
"""The queue, and whether an earlier worker was lost with the message: such a message may harm others of its unit."""


def _without_revoked(requests: Sequence[UnitRequest]) -> Sequence[UnitRequest]:
    """Return those that are to run. The others are acknowledged and reported."""
    if revoked or revoked_stamps or any(each.expires for each in requests):
        return [each for each in requests if not each.revoked()]
    return requests


def _kind(request: UnitRequest) -> _Kind:
    return request.delivery_info["routing_key"], was_lost(request.request_dict)
