"""A process for isolated builds: `python -m workers.isolation.process CHANNEL`, started by `Child`.

It ends when its worker does, because that closes the pipe.
"""

import os
import queue
import resource
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from notifier.channels import load_channel
from notifier.outbox import Change, DueNotification
from notifier.routes.loading import load_routes
from notifier.settings import load_settings
from notifier.telemetry import configure_logging
from workers.building.preparer import Prepared, Preparer
from workers.building.wiring import preparer_of
from workers.isolation.child import ALIVE, BEGUN, NOT_PICKLED, OUT_OF_MEMORY, PING, READY, Built
from workers.isolation.frames import frame, next_message
from workers.process.gil_watchdog import GilWatchdog

HELD_SECONDS = 5.0
"""CPU time after which a build that does not release Python's lock ends this process."""
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_UNLIMITED = 1 << 60


class Answers:
    """The pipe to the worker. Safe to share between threads."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, answer: Any) -> None:
        try:
            written = frame(answer)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except Exception:  # noqa: BLE001  whatever the user's objects raise
            written = frame(NOT_PICKLED)
        with self._lock:
            self._pipe.write(written)
            self._pipe.flush()


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # some supervisors signal all processes: this one ends with its worker
    answers = Answers(os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what the user's code prints goes to standard error, not into the answers
    GilWatchdog(HELD_SECONDS).start()
    preparer = _preparer(sys.argv[1])
    limit_memory()
    due: queue.SimpleQueue[DueNotification] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, due, answers), daemon=True).start()
    answers.send(READY)
    while True:
        notification = due.get()
        answers.send(BEGUN)
        answers.send(_as_sent(preparer.prepare(notification)))


def limit_memory() -> None:
    """Make a build fail with MemoryError before the kernel kills some process of the container, or all of them.

    Called after the routes are loaded: with a limit that they do not fit into, no process would come up.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    for path in _LIMITS:
        with suppress(OSError, ValueError):
            limit = int(path.read_text())
            if limit < _UNLIMITED:
                known = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
                resource.setrlimit(resource.RLIMIT_DATA, (min([memory_bound(limit, _used()), *known]), hard))
            return


def memory_bound(container: int, used: int) -> int:
    """Return the limit in bytes for a process that uses `used` of its container's memory.

    It is half of the container, and room for a build in any case.
    """
    return max(container // 2, used + container // 4)


def _used() -> int:
    """Return the bytes that this process uses, as RLIMIT_DATA counts them."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _preparer(channel: str) -> Preparer:
    settings = load_settings()
    configure_logging(settings, process="worker")
    routes = load_routes(settings.routes)
    return preparer_of(channel, load_channel(channel, settings), settings, routes, out_of_memory=_out_of_memory)


def _out_of_memory(_: DueNotification) -> Prepared | Change:
    """End the process: after MemoryError nothing that it does can be relied upon."""
    os._exit(OUT_OF_MEMORY)


def _listen(pipe: BinaryIO, due: "queue.SimpleQueue[DueNotification]", answers: Answers) -> None:
    while True:
        try:
            message = next_message(pipe)
        except EOFError:
            os._exit(0)
        except BaseException:  # noqa: BLE001  such as MemoryError: a process that cannot read is of no use
            os._exit(OUT_OF_MEMORY)
        if message == PING:
            answers.send(ALIVE)
        else:
            due.put(message)


def _as_sent(prepared: Prepared | Change) -> Built | Change:
    if isinstance(prepared, Change):
        return prepared
    return Built(
        prepared.request,
        prepared.content,
        prepared.address,
        original=prepared.original,
        template=prepared.template,
        further=prepared.further,
    )


if __name__ == "__main__":
    main()
