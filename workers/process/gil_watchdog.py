"""Ends a process in which one call does not release Python's lock (the GIL).

A call into C can hold that lock for hours, for example a regular expression that backtracks. No Python code of the
process runs meanwhile: no heartbeat, no timeout, no shutdown.
"""

import faulthandler
import os
import signal
import sys
import threading

HELD_SECONDS = 10.0
_LONGEST_STEP_SECONDS = 0.25
_STEPS = 8
"""How often the timer is set back before it can end."""


class GilWatchdog:
    """A thread that keeps setting back a timer. If it cannot, the kernel sends SIGVTALRM, which ends the process.
    Before that, faulthandler writes the stack of each thread to standard error.

    The timer counts the CPU time of this process (ITIMER_VIRTUAL): a process that is stopped or suspended, or that
    waits for a busy machine, is not ended. It counts that of all threads together, and native code without the lock
    may use all processors at once. So it is set back long before they could have used `seconds`.
    """

    def __init__(self, seconds: float = HELD_SECONDS) -> None:
        """`seconds`: CPU time after which the process ends."""
        self._seconds = seconds
        self._stop = threading.Event()
        self._step = step_seconds(seconds, os.cpu_count() or 1)

    def start(self) -> None:
        faulthandler.register(signal.SIGVTALRM, file=sys.__stderr__ or sys.stderr, all_threads=True, chain=True)
        threading.Thread(target=self._run, name="gil watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)
            self._stop.wait(self._step)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def step_seconds(seconds: float, processors: int) -> float:
    """Return how often the timer is set back, in seconds."""
    return min(_LONGEST_STEP_SECONDS, seconds / (_STEPS * processors))
