"""All senders of a process, each in a thread of its own, so that no destination waits for another."""

import threading
from collections.abc import Sequence

import structlog

from notifier.health import BEAT_SECONDS, Heartbeat
from notifier.outbox import StatusUpdates
from notifier.process.loops import Loop
from workers.status_updates.sender import Sender

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0
_WATCH_SECONDS = 30.0
_FINISH_SECONDS = 20.0
OLD_SECONDS = 900.0
"""Updates that wait for longer are an alarm."""


class Senders:
    """Runs the senders until `stop`; requests in progress are finished then."""

    def __init__(
        self,
        senders: Sequence[Sender],
        outbox: StatusUpdates,
        destinations: Sequence[str],
        heartbeat: Heartbeat,
    ) -> None:
        self._senders = senders
        self._outbox = outbox
        self._destinations = destinations
        self._heartbeat = heartbeat
        self._stopping = threading.Event()
        self._loops = [
            *(Loop(f"status updates {n}", IDLE_SECONDS, each.run_once) for n, each in enumerate(senders, 1)),
            Loop("watch status updates", _WATCH_SECONDS, self.watch),
        ]

    def run(self) -> None:
        """Run until `stop`, and until the requests in progress are over, or 20 seconds have passed."""
        for loop in self._loops:
            loop.start()
        try:
            while not self._stopping.is_set():
                self._heartbeat.beat(self._health())
                self._stopping.wait(BEAT_SECONDS)
        finally:
            for loop in self._loops:
                loop.request_stop()
            for loop in self._loops:
                loop.join(_FINISH_SECONDS)
            log.info("status sender stopped")

    def stop(self) -> None:
        """End `run`. May be called from a signal handler or another thread."""
        self._stopping.set()

    def _health(self) -> str:
        """Return in one line what keeps this process from sending, empty if nothing does."""
        found = (trouble for each in self._loops for trouble in (each.trouble(), each.recording.trouble()))
        return "; ".join(dict.fromkeys(filter(None, found)))

    def watch(self) -> None:
        """Log an alarm for each destination whose updates have waited for long."""
        for each in self._outbox.backlog():
            if not each.waiting or (each.oldest_seconds or 0.0) < OLD_SECONDS:
                continue
            if each.destination and each.destination not in self._destinations:
                log.error(
                    "ALARM: status updates wait for a destination that is not in NOTIFIER_STATUS_DESTINATIONS: put "
                    "it back, or let retention drop them",
                    destination=each.destination,
                    waiting=each.waiting,
                )
            else:
                log.error(
                    "ALARM: status updates are not accepted: notifier status",
                    destination=each.destination,
                    waiting=each.waiting,
                    oldest_seconds=round(each.oldest_seconds or 0.0),
                    reason=each.error,
                )
