"""Beats for the worker, from a thread of its own: the main loop stands still while Celery looks for its broker."""

import threading
import time
from collections.abc import Callable
from typing import Any

from notifier.health import BEAT_SECONDS, STALE_SECONDS, Heartbeat, WriteHealth
from workers.process.in_progress import InProgress


class HeartbeatThread:
    """Beats while the main loop turns or only waits for the broker, and no delivery hangs."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        underway: InProgress,
        waits: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        recording: WriteHealth | None = None,
    ) -> None:
        self._heartbeat = heartbeat
        self._underway = underway
        self._waits = waits
        self._clock = clock
        self._recording = recording or WriteHealth()
        self._turned = clock()
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def turned(self) -> None:
        """The main loop did."""
        self._turned = self._clock()

    def look(self) -> None:
        """Beat, if this process is well."""
        if self._waits():
            self.turned()  # it has just waited: time to turn again before it counts as hanging
        hangs = self._clock() - self._turned > STALE_SECONDS / 2
        if not self._underway.stuck() and not hangs:
            self._heartbeat.beat(self._recording.trouble())

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(BEAT_SECONDS)


def waits_for_broker(worker: Any) -> bool:
    """Whether the consumer tries to connect, or pauses because the broker refused something."""
    consumer = worker.consumer
    return bool(consumer.broker_connection_retry_attempt or getattr(consumer, "waits", False))
