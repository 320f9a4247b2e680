"""Ends a process whose threads all wait for one that does not let go of Python's lock (GIL).

One call into C can hold that lock for hours, such as a regular expression that backtracks. No Python code of the
process runs meanwhile: no heartbeat, no timeout, no shutdown.
"""

import faulthandler
import os
import signal
import sys
import threading

STANDSTILL_SECONDS = 10.0
_MOST_STEP_SECONDS = 0.25
_SHARE = 8


class GilWatchdog:
    """A thread sets the timer back all the time; where it cannot for `seconds` of CPU time, the kernel's SIGVTALRM
    ends the process. faulthandler writes where each thread stands to standard error first.

    Only CPU time of this process counts (ITIMER_VIRTUAL): a process that is stopped, suspended, or waits for a busy
    machine is not ended. That CPU time is of all threads together: native code that holds no lock may use all
    processors at once, so the timer is set back long before they could have used `seconds`.
    """

    def __init__(self, seconds: float = STANDSTILL_SECONDS) -> None:
        self._seconds = seconds
        self._stop = threading.Event()
        self._step = step_seconds(seconds, os.cpu_count() or 1)

    def start(self) -> None:
        faulthandler.register(signal.SIGVTALRM, file=sys.__stderr__ or sys.stderr, all_threads=True, chain=True)
        threading.Thread(target=self._run, name="standstill", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)
            self._stop.wait(self._step)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def step_seconds(seconds: float, processors: int) -> float:
    """How often the timer is set back, in seconds."""
    return min(_MOST_STEP_SECONDS, seconds / (_SHARE * processors))
