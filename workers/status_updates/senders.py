"""All senders of a process, each in a thread of its own, so that no destination waits for another."""

from collections.abc import Sequence

import structlog

from notifier.health.heartbeat import Heartbeat
from notifier.outbox import DestinationBacklog, StatusUpdates
from notifier.outbox.status_updates.backlog import UPDATE_ALARM_SECONDS
from notifier.process.loops import Loop, Loops, in_one_line
from workers.status_updates.sender import UpdateSender

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0
_WATCH_SECONDS = 30.0
_FINISH_SECONDS = 20.0


class UpdateSenders:
    """Runs the senders until `stop`; requests in progress are finished then."""

    def __init__(
        self,
        senders: Sequence[UpdateSender],
        status_updates: StatusUpdates,
        destinations: Sequence[str],
        heartbeat: Heartbeat,
    ) -> None:
        self._senders = senders
        self._status_updates = status_updates
        self._destinations = destinations
        self._assigned: dict[str, int] = {}
        loops = [
            *(Loop(f"status updates {n}", IDLE_SECONDS, each.run_once) for n, each in enumerate(senders, 1)),
            Loop("watch status updates", _WATCH_SECONDS, self.watch),
        ]
        self._loops = Loops(loops, heartbeat, _FINISH_SECONDS)

    def run(self) -> None:
        """Run until `stop`, and until the requests in progress are over, or 20 seconds have passed."""
        self._loops.run(lambda: in_one_line(self.loops_trouble(), self.recording_trouble()))
        log.info("status sender stopped")

    def stop(self) -> None:
        """End `run`. May be called from another thread, not from a signal handler: see `stop_on_signals`."""
        self._loops.stop()

    @property
    def is_stopping(self) -> bool:
        return self._loops.is_stopping

    def loops_trouble(self) -> str:
        """Return in one line which threads have ended or hang, empty if none."""
        return self._loops.trouble()

    def recording_trouble(self) -> str:
        """Return in one line why the database takes no results, empty if it does."""
        return self._loops.recording_trouble()

    def destination_trouble(self) -> str:
        """Return in one line why no destination accepts anything, empty if one does."""
        refusals = [each.refusal for each in self._senders]
        return in_one_line(*refusals) if all(refusals) else ""

    def watch(self) -> None:
        """Log an alarm for each destination whose updates have waited for long, and if other processes have other
        destinations.
        """
        backlog = self._status_updates.backlog()
        self._watch_others(backlog)
        for each in backlog:
            if not each.waiting or (each.oldest_seconds or 0.0) < UPDATE_ALARM_SECONDS:
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

    def _watch_others(self, backlog: Sequence[DestinationBacklog]) -> None:
        """Log an alarm if updates were assigned, since the last call, to a destination that this process lacks."""
        before, self._assigned = self._assigned, {each.destination: each.assigned for each in backlog}
        for name in sorted(self._assigned.keys() - set(self._destinations) - {""}):
            if before and self._assigned[name] > before.get(name, 0):
                log.error(
                    "ALARM: another status sender has a destination that this one has not, and an update goes only "
                    "to those of the process that takes it first: give all the same NOTIFIER_STATUS_DESTINATIONS",
                    destination=name,
                )
