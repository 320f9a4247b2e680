"""Celery's main loop, as the conditions of this worker see it."""

from typing import Any

from workers.process.heartbeat import HeartbeatThread, waits_for_broker


class MainLoop:
    """Whether it runs, and whether it takes messages. Celery makes its worker after the conditions are served."""

    def __init__(self) -> None:
        self._worker: Any = None
        self._heartbeat: HeartbeatThread | None = None

    def started(self, worker: Any, heartbeat: HeartbeatThread) -> None:
        self._worker, self._heartbeat = worker, heartbeat

    def progress_trouble(self) -> str:
        """Return in one line what keeps it, or a delivery, from making progress; empty if nothing does."""
        return self._heartbeat.trouble() if self._heartbeat else ""

    def consumer_trouble(self) -> str:
        """Return in one line why it takes no messages; empty if it does."""
        consumer = getattr(self._worker, "consumer", None)
        if consumer is None:
            return "the worker has not begun to take messages"
        if waits_for_broker(self._worker):
            return "it waits for the broker"
        return "" if getattr(consumer, "task_consumer", None) else "it is not registered with the broker"
