"""Whether the builds of a unit wait or compute: only a unit whose builds wait gains from more threads.

Time alone does not tell. On a busy machine a function of 20 µs takes 20 ms when other threads compute meanwhile. But
Python takes the interpreter from a thread that computes after 5 ms at the earliest (`sys.getswitchinterval`), while a
function that waits for a database does so again and again, and uses hardly any CPU time.
"""

import threading
import time

QUICK_SECONDS = 0.001
"""A build that waits for longer than this gains from more threads."""
_READABLE = hasattr(time, "pthread_getcpuclockid")
_IDLE_LOOKS = 4
"""So many looks in a row without progress mean that the builds wait. Fewer may pass while other threads compute."""


class CpuClock:
    """The CPU time of the thread that makes it. Other threads can read it, but not on macOS and Windows."""

    def __init__(self) -> None:
        self._id = time.pthread_getcpuclockid(threading.get_ident()) if _READABLE else None
        self._began = self._last = time.thread_time()

    def seconds(self) -> float:
        """Return how much the thread has used since then, 0 where it cannot be read. The thread must be alive."""
        return 0.0 if self._id is None else time.clock_gettime(self._id) - self._began

    def waited(self, seconds: float) -> bool:
        """Return whether the thread waited in what took so long just now: for longer than it computed.

        The clock is a call of the system, so it is read for slow builds only, and tells also what the thread computed
        since the last slow one.
        """
        if seconds <= QUICK_SECONDS:
            return False
        last, self._last = self._last, time.thread_time()
        return waited(seconds, self._last - last)


def waited(seconds: float, cpu_seconds: float) -> bool:
    """Return whether a build that took so long, and so much CPU time, waited for longer than it computed."""
    return seconds - cpu_seconds > max(QUICK_SECONDS, cpu_seconds)


class Spread:
    """Tells for one unit whether more threads shorten it, by a look at its builds every few milliseconds."""

    def __init__(self) -> None:
        self._quick = self._idle = 0
        self._cpu = 0.0

    @property
    def computes(self) -> bool:
        """Whether something had moved at the last look."""
        return not self._idle

    def look(self, threads: int, built: int, waited: int, cpu_seconds: float) -> bool:
        """Return whether the builds wait: nothing moves for some looks, or they wait more than once in a millisecond
        of CPU time.

        `threads` build now. The rest is of the unit so far: how many builds have ended, how many of these waited, and
        the CPU time of its threads, each of which uses some to begin.
        """
        quick = built - waited
        if quick > self._quick or cpu_seconds - self._cpu > QUICK_SECONDS * threads:
            self._quick, self._cpu, self._idle = quick, cpu_seconds, 0
        else:
            self._idle += 1
        return self._idle >= _IDLE_LOOKS or (waited - 1) * QUICK_SECONDS > cpu_seconds
