"""The process: some receivers, each a thread, until it is told to stop."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from bridge.feedback.receiver import Receiver
from bridge.loops import Loop
from notifier.health import BEAT_SECONDS, Heartbeat

log = structlog.get_logger(__name__)

_HUNG_SECONDS = 60.0
_FINISH_SECONDS = 30.0


class Receivers:
    """Receives until `stop`; what is under way then is finished."""

    def __init__(
        self,
        receivers: Sequence[Receiver],
        heartbeat: Heartbeat,
        clock: Callable[[], float] = time.monotonic,
        *,
        others: Sequence[Loop] = (),
        trouble: Callable[[], str] = str,
    ) -> None:
        """`others` run beside the receivers. `trouble` says in one line what keeps this process from recording, empty
        where nothing does: a loop that had nothing to write knows nothing of that.
        """
        self._receivers = receivers
        self._heartbeat = heartbeat
        self._clock = clock
        self._trouble = trouble
        self._stopping = threading.Event()
        self._loops = [Loop(f"receive {number}", 0.0, each.run_once) for number, each in enumerate(receivers, 1)]
        self._loops += others

    def run(self) -> None:
        """Until `stop` is called, and until the batches under way are settled and deleted."""
        for loop in self._loops:
            loop.start()
        try:
            while not self._stopping.is_set():
                if self._turning():
                    self._heartbeat.beat(self._trouble())
                self._stopping.wait(BEAT_SECONDS)
        finally:
            for loop in self._loops:
                loop.request_stop()
            until = self._clock() + _FINISH_SECONDS
            for loop in self._loops:
                loop.join(max(0.0, until - self._clock()))
            log.info("feedback stopped")

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stopping.set()

    def _turning(self) -> bool:
        return all(self._clock() - each.turned_at < _HUNG_SECONDS for each in self._receivers)
