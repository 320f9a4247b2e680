"""The receivers of a process, each in a thread of its own."""

import time
from collections.abc import Callable, Sequence

import structlog

from bridge.feedback.receiver import Receiver
from notifier.health.heartbeat import Heartbeat
from notifier.process.loops import Loop, Loops, in_one_line

log = structlog.get_logger(__name__)

_HUNG_SECONDS = 60.0
_FINISH_SECONDS = 30.0


class Receivers:
    """Runs receivers until `stop`; the batches in progress are finished then."""

    def __init__(
        self,
        receivers: Sequence[Receiver],
        heartbeat: Heartbeat,
        clock: Callable[[], float] = time.monotonic,
        *,
        others: Sequence[Loop] = (),
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        """`others` run beside the receivers. `trouble` returns in one line what keeps this process from recording,
        empty if nothing does: a loop without anything to write does not find out.
        """
        self._receivers = receivers
        self._clock = clock
        self._trouble = trouble
        loops = [Loop(f"receive {number}", 0.0, each.run_once) for number, each in enumerate(receivers, 1)]
        self._loops = Loops([*loops, *others], heartbeat, _FINISH_SECONDS)

    def run(self) -> None:
        """Run until `stop`, and until the batches in progress are settled and deleted, or 30 seconds have passed.

        The heartbeat names a thread that has ended or hangs. It stops while a receiver makes no progress.
        """
        self._loops.run(lambda: self._health() if self._are_turning() else None)
        log.info("feedback stopped")

    def stop(self) -> None:
        """End `run`. May be called from another thread, not from a signal handler: see `stop_on_signals`."""
        self._loops.stop()

    @property
    def is_stopping(self) -> bool:
        return self._loops.is_stopping

    def loops_trouble(self) -> str:
        """Return in one line which of its threads has ended or hangs, empty if none does."""
        silent = "" if self._are_turning() else f"a receiver has begun no round for {_HUNG_SECONDS:.0f} s"
        return in_one_line(silent, self._loops.trouble())

    def recording_trouble(self) -> str:
        """Return in one line what keeps it from recording what it settles, empty if nothing does."""
        return self._trouble()

    def _health(self) -> str:
        return in_one_line(self.recording_trouble(), self._loops.trouble())

    def _are_turning(self) -> bool:
        """Return whether each receiver has begun a round in the last minute."""
        return all(self._clock() - each.turned_at < _HUNG_SECONDS for each in self._receivers)
