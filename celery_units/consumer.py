"""Celery's consumer, with a pause between two starts where the broker refuses a command."""

import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import signals
from celery.worker import consumer
from celery.worker.request import Request
from celery.worker.state import maybe_shutdown, task_ready
from kombu.common import ignore_errors
from kombu.log import get_logger

from celery_units import malformed
from celery_units.redis.refusal import Refusals

log = get_logger(__name__)

EVENT_SECONDS = 0.25
"""How long an event of a task waits for others: to send one takes as long as ten tasks in a unit."""
_STEP_SECONDS = 0.25
_MOST_SECONDS = 5
"""The longest wait between two tries to connect. Celery's own waits grow to half a minute."""


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Starts again when the connection to the broker fails, as Celery's own does, and also when a command is refused.

    The fast transport waits by itself for most refusals. Those while it connects, and all refusals of the stock
    transport, reach this class. Use: `app.conf.worker_consumer = "celery_units.consumer:Consumer"`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._refusals = Refusals("Redis refuses to let this worker consume")
        self.waits = False
        """Whether it is in the pause between two starts."""
        self._sends_events = False
        """Whether events are to be sent soon."""
        super().__init__(*args, **kwargs)
        self._to_pool: Callable[[Any], None] = self.on_task_request
        self.on_task_request: Callable[[Any], None] = self._run_or_reject

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Return what receives a message. It rejects one that is malformed, and raises only errors of the broker."""
        receive = super().create_task_handler(*args, **kwargs)

        def receive_or_reject(message: Any) -> None:
            try:
                receive(message)
            except malformed.ERRORS as error:
                _log_rejected(message, _place(error))
                if not message.acknowledged:
                    message.reject_log_error(log, self.connection_errors)
                signals.task_rejected.send(sender=self, message=message, exc=error)

        return receive_or_reject

    def _run_or_reject(self, request: Any) -> None:
        """Give a request to the pool, or a unit, whose messages were looked at before."""
        if isinstance(request, Request) and (fault := malformed.fault_of(request)):
            _log_rejected(request.message, fault)
            task_ready(request)
            request.reject(requeue=False)
        else:
            self._to_pool(request)

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=1, interval_step=1, interval_max=_MOST_SECONDS
        )
        return super().ensure_connected(conn)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        if self._is_refusal(exc):
            self._pause(exc)
        else:
            super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        self._keep_events()
        super().on_connection_error_after_connected(exc)
        if self._is_refusal(exc):
            self._pause(exc)

    def on_ready(self) -> None:
        self._refusals.end()
        self._sends_events = False  # a connection that fails takes its timers with it
        super().on_ready()

    def on_send_event_buffered(self) -> None:
        """Send this event together with those that come soon after it."""
        if self.hub and not self._sends_events:
            self._sends_events = True
            self.hub.call_soon(self.hub.call_later, EVENT_SECONDS, self._send_events)

    def stop(self) -> None:
        ignore_errors(self, self._send_events)
        super().stop()

    def _send_events(self) -> None:
        self._sends_events = False
        self._flush_events()

    def _keep_events(self) -> None:
        """Keep the events that wait for the next connection: Celery keeps only those whose sending has failed."""
        if dispatcher := self.event_dispatcher:
            with dispatcher.mutex:
                for group, events in dispatcher._group_buffer.items():  # noqa: SLF001
                    if events:
                        dispatcher._outbound_buffer.append((list(events), f"{group}.multi"))  # noqa: SLF001
                        events.clear()

    def _is_refusal(self, error: Exception) -> bool:
        return isinstance(error, self.channel_errors) and not isinstance(error, self.connection_errors)

    def _pause(self, error: Exception) -> None:
        """Wait before the next start. Raise WorkerShutdown if the process is to end meanwhile."""
        self.waits = True
        until = time.monotonic() + self._refusals.add(error)
        while time.monotonic() < until:
            maybe_shutdown()
            time.sleep(_STEP_SECONDS)
        self.waits = False


def _place(error: Exception) -> str:
    """The kind of an error and where it was raised, without its text, which may hold a part of the body."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}"


def _log_rejected(message: Any, fault: str) -> None:
    """Log without the body, which may hold personal data."""
    headers = message.headers if isinstance(message.headers, dict) else {}
    id_, tag, task = headers.get("id"), message.delivery_tag, headers.get("task")
    log.error("a malformed message is rejected: id %.100r, tag %.100r, task %.100r: %s", id_, tag, task, fault)
