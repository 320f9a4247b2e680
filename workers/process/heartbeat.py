"""The heartbeat of a worker, from a thread of its own: Celery's main loop does not run while it connects to Redis."""

import threading
import time
from collections.abc import Callable
from typing import Any

from notifier.health.beats import STALE_SECONDS
from notifier.health.heartbeat import BEAT_SECONDS, Heartbeat
from notifier.health.write_health import WriteHealth
from workers.process.in_progress import InProgress


class HeartbeatThread:
    """Beats while the main loop runs, or only waits for the broker, and no delivery hangs."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        in_progress: InProgress,
        waits: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        write_health: WriteHealth | None = None,
    ) -> None:
        """`waits` returns whether the main loop waits for the broker. A beat has the trouble of `write_health`."""
        self._heartbeat = heartbeat
        self._in_progress = in_progress
        self._waits = waits
        self._clock = clock
        self._write_health = write_health or WriteHealth()
        self._last_turn = clock()
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def turned(self) -> None:
        """To be called by the main loop in each turn."""
        self._last_turn = self._clock()

    def trouble(self) -> str:
        """Return in one line what makes no progress, empty if all does."""
        late = self._clock() - self._last_turn
        if late > STALE_SECONDS:
            return f"the main loop has not turned for {late:.0f} s"
        stuck = len(self._in_progress.stuck())
        return f"{stuck} deliveries make no progress" if stuck else ""

    def beat_if_healthy(self) -> None:
        """Beat if this process is healthy."""
        if self._waits():
            self.turned()  # after the wait the loop gets time for a turn before it counts as hanging
        hangs = self._clock() - self._last_turn > STALE_SECONDS / 2
        if not self._in_progress.stuck() and not hangs:
            self._heartbeat.beat(self._write_health.trouble())

    def _run(self) -> None:
        while not self._stop.is_set():
            self.beat_if_healthy()
            self._stop.wait(BEAT_SECONDS)


def waits_for_broker(worker: Any) -> bool:
    """Return whether the consumer tries to connect, or pauses because the broker refused something."""
    consumer = worker.consumer
    return bool(consumer.broker_connection_retry_attempt or getattr(consumer, "waits", False))
