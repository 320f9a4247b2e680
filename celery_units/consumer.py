"""Celery's consumer, with a pause between two starts where the broker refuses a command."""

import time
from functools import partial
from typing import Any

from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from celery_units.redis.refusal import Refusals

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
        super().__init__(*args, **kwargs)

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
        super().on_connection_error_after_connected(exc)
        if self._is_refusal(exc):
            self._pause(exc)

    def on_ready(self) -> None:
        self._refusals.end()
        super().on_ready()

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
