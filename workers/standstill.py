"""Ends a process whose threads all wait for one that does not let go of Python's lock (GIL).

One call into C can hold that lock for hours, such as a regular expression that backtracks. No Python code of the
process runs meanwhile: no heartbeat, no timeout, no shutdown.
"""

import faulthandler
import signal
import sys
import threading

STANDSTILL_SECONDS = 10.0
_STEP_SECONDS = 0.25


class Standstill:
    """A thread sets the timer back all the time; where it cannot for `seconds` of CPU time, the kernel's SIGVTALRM
    ends the process. faulthandler writes where each thread stands to standard error first.

    Only CPU time of this process counts (ITIMER_VIRTUAL): a process that is stopped, suspended, or waits for a busy
    machine is not ended.
    """

    def __init__(self, seconds: float = STANDSTILL_SECONDS) -> None:
        self._seconds = seconds
        self._stop = threading.Event()

    def start(self) -> None:
        faulthandler.register(signal.SIGVTALRM, file=sys.__stderr__ or sys.stderr, all_threads=True, chain=True)
        threading.Thread(target=self._run, name="standstill", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            signal.setitimer(signal.ITIMER_VIRTUAL, self._seconds)
            self._stop.wait(_STEP_SECONDS)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
