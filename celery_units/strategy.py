"""How a worker's consumer makes units of the messages that it receives.

Nothing waits for a clock. While the pool is idle, a message leaves in the turn of the loop in which it came, alone or
with those that came with it; while the pool is busy, messages collect, and the next free place takes them all. So a
unit is as small as the load allows and as large as it demands.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson
import structlog
from celery import signals
from celery.exceptions import InvalidTaskError
from celery.worker.request import create_request_cls
from celery.worker.state import revoked, task_reserved
from celery.worker.strategy import default

from celery_units.job import Job
from celery_units.request import UnitRequest, was_lost
from celery_units.sample import Sample
from celery_units.units import UnitTask

log = structlog.get_logger(__name__)

_EVENT_BUFFER = 500


def unit_strategy(task: UnitTask, app: Any, consumer: Any) -> Callable[..., None]:
    """What Celery asks for at each new connection to the broker: the function that takes the task's messages."""
    if consumer.hub is None:  # gevent, Windows: there is no loop to collect in
        return default(task, app, consumer)  # type: ignore[no-any-return]
    collector = Collector(task, app, consumer)
    consumer.hub.on_tick.add(collector.turn)
    return collector.receive


class Collector:
    """The messages of one task from one connection that have not gone to the pool. Lives on the consumer's loop."""

    def __init__(self, task: UnitTask, app: Any, consumer: Any) -> None:
        self._task = task
        self._consumer = consumer
        self._connection = consumer.connection
        self._broken = False
        self._waiting: dict[_Kind, list[UnitRequest]] = {}
        self._again: dict[_Kind, list[UnitRequest]] = {}
        self._under_way = 0
        self._suspects = 0
        """Of the units under way."""
        self._alone = default(task, app, consumer)
        events = consumer.event_dispatcher
        if events:
            events.buffer_limit = _EVENT_BUFFER
        self._sample = Sample(task.event_sample)
        self._request = partial(
            create_request_cls(UnitRequest, task, consumer.pool, consumer.hostname, events, app=app),
            app=app,
            hostname=consumer.hostname,
            eventer=events,
            task=task,
            connection_errors=consumer.connection_errors,
            decoded=True,
            utc=app.uses_utc_timezone(),
        )

    def receive(self, message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        """One message. Raises InvalidTaskError, on which the consumer drops it with a word in the log."""
        payload = payload_of(message) if body is None else body
        if self._consumer.task_buckets[self._task.name] or not is_ordinary(message.headers, payload):
            self._alone(message, body, ack, reject, callbacks)
            return
        request = self._request(
            message,
            on_ack=partial(self._settle, message.ack),
            on_reject=partial(self._settle, message.reject),
            body=payload,
            headers=message.headers,
        )
        if (request.expires or request.id in revoked) and request.revoked():
            return
        request.shown = self._sample.shows(request.id)
        signals.task_received.send(sender=self._consumer, request=request)
        if request.shown:
            request.tell_received()
        task_reserved(request)
        for callback in callbacks or ():
            callback(request)
        self._waiting.setdefault(_kind(request), []).append(request)

    def turn(self) -> None:
        """Once in each turn of the loop, before it waits. What came over a connection that is gone, the broker gives
        again; what has begun goes on all the same.
        """
        if gone := self._is_gone():
            self._consumer.hub.on_tick.discard(self.turn)
            self._waiting.clear()
        while self._again and (kind := self._next(self._again, gone=gone)):
            self._start(kind, self._take(self._again, kind), begun=True)
        while self._waiting and (kind := self._next(self._waiting)):
            if requests := [each for each in self._take(self._waiting, kind) if not each.revoked()]:
                self._start(kind, requests)

    def _next(self, waiting: "dict[_Kind, list[UnitRequest]]", *, gone: bool = False) -> "_Kind | None":
        """The first kind that has a place."""
        return next((kind for kind in waiting if gone or self._has_place(kind)), None)

    def _has_place(self, kind: "_Kind") -> bool:
        """Suspects are slow: they have half of the places, so that others go on."""
        places = self._consumer.pool.num_processes
        return bool(self._under_way < places and (not kind[1] or self._suspects < max(places // 2, 1)))

    def _start(self, kind: "_Kind", requests: Sequence[UnitRequest], *, begun: bool = False) -> None:
        self._under_way += 1
        self._suspects += kind[1]
        ended = partial(self._ended, kind)
        job = Job(self._task, requests, self._consumer, ended, self._run_again, begun=begun)
        self._consumer.on_task_request(job)

    def _run_again(self, request: UnitRequest) -> None:
        """In a unit with others that are to run again now."""
        self._again.setdefault(_kind(request), []).append(request)
        if self._is_gone():
            self.turn()

    def _take(self, waiting: "dict[_Kind, list[UnitRequest]]", kind: "_Kind") -> list[UnitRequest]:
        """As many as fit into a unit; the others of this kind wait until the other kinds had their turn."""
        requests = waiting.pop(kind)
        if rest := requests[self._task.unit_size :]:
            waiting[kind] = rest
        return requests[: self._task.unit_size]

    def _ended(self, kind: "_Kind") -> None:
        self._under_way -= 1
        self._suspects -= kind[1]

    def _settle(self, settle: Callable[..., None], _: Any, errors: Any, *requeue: bool) -> None:
        """Acknowledge or give back. Not over a connection that is gone: each of many would wait until it fails, and
        the message is somebody else's by now.

        What a process gives back because it is to end stays in hand: the end of the connection gives all back at
        once, in order and before what waits. A reject would send the oldest messages behind all others.
        """
        if self._broken or self._is_gone() or (any(requeue) and self._task.is_ending()):
            return
        try:
            settle(*requeue)
        except errors as error:
            self._broken = True
            log.warning("the broker does not hear what is done; it will give it again", error=type(error).__name__)

    def _is_gone(self) -> bool:
        return self._consumer.connection is not self._connection


_Kind = tuple[str, bool]
"""The queue, and whether a worker was lost with the message: such a one may harm its unit, and is slow."""


def _kind(request: UnitRequest) -> _Kind:
    return request.delivery_info["routing_key"], was_lost(request.request_dict)


def payload_of(message: Any) -> Any:
    """What kombu makes of the body, in a tenth of its time where it is JSON. Raises InvalidTaskError."""
    if (message.content_type, message.content_encoding) != ("application/json", "utf-8"):
        return message.payload
    try:
        return orjson.loads(message.body)
    except ValueError as error:
        raise InvalidTaskError(f"not JSON: {error}") from None


def is_ordinary(headers: Mapping[str, Any], payload: Any) -> bool:
    """Whether it is a call and nothing more: no hour to wait for, no limit of its own, nothing that follows.

    The others, and messages in Celery's older protocols, are for Celery's own strategy. Raises InvalidTaskError.
    """
    match payload:
        case dict():
            return False
        case [list(), dict(), dict() | None as after] if "id" in headers:
            limits = headers.get("timelimit")
            return headers.get("eta") is None and limits in (None, [None, None]) and not any((after or {}).values())
        case _:
            raise InvalidTaskError("not a call with arguments")
