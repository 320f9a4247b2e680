"""The process that builds notifications whose worker died: `python -m workers.isolation.process CHANNEL`.

It ends when its worker does: that closes the pipe.
"""

import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from notifier.outbox import Change, DueNotification
from workers.building.preparer import Prepared, Preparer
from workers.isolation.child import ALIVE, BEGUN, NOT_PICKLED, OUT_OF_MEMORY, PING, READY, Built
from workers.isolation.frames import frame, next_message
from workers.process.gil_watchdog import GilWatchdog

STANDSTILL_SECONDS = 5.0
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_UNLIMITED = 1 << 60


class Answers:
    """The pipe to the worker, for both threads."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def give(self, answer: Any) -> None:
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
        signal.signal(number, signal.SIG_IGN)  # some supervisors tell all processes: this one ends with its worker
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the user's code prints is no answer
    GilWatchdog(STANDSTILL_SECONDS).start()
    preparation = _preparation(sys.argv[1])
    limit_memory()
    works: queue.SimpleQueue[DueNotification] = queue.SimpleQueue()
    answer = Answers(answers)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, works, answer), daemon=True).start()
    answer.give(READY)
    while True:
        work = works.get()
        answer.give(BEGUN)
        answer.give(_handed_over(preparation.prepare(work)))


def limit_memory() -> None:
    """Let this process meet MemoryError before the kernel ends some process of its container, or all of them.

    Called when the routes are loaded: a limit that they do not fit into would let no process come up.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    for path in _LIMITS:
        with suppress(OSError, ValueError):
            limit = int(path.read_text())
            if limit < _UNLIMITED:
                known = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
                resource.setrlimit(resource.RLIMIT_DATA, (min([memory_bound(limit, _used()), *known]), hard))
            return


def memory_bound(container: int, used: int) -> int:
    """Bytes of data for a process that has `used` so far: half of its container, and room for a build in any case."""
    return max(container // 2, used + container // 4)


def _used() -> int:
    """As RLIMIT_DATA counts it."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")


def _preparation(channel: str) -> Preparer:
    from notifier.channels import load_channel
    from notifier.routes import load_routes
    from notifier.settings import load_settings
    from notifier.telemetry import configure_logging
    from notifier.templates import Templates, templates_folder

    settings = load_settings()
    configure_logging(settings, process="worker")
    routes = load_routes(settings.routes)
    templates = Templates(templates_folder(settings, str(routes.source) if routes.source else None))
    return Preparer(load_channel(channel, settings), routes, templates, _out_of_memory)


def _out_of_memory(_: DueNotification) -> Prepared | Change:
    """Nothing that this process does after it can be relied upon."""
    os._exit(OUT_OF_MEMORY)


def _listen(pipe: BinaryIO, works: "queue.SimpleQueue[DueNotification]", answers: Answers) -> None:
    while True:
        try:
            told = next_message(pipe)
        except EOFError:
            os._exit(0)
        except BaseException:  # noqa: BLE001  such as MemoryError: a process that hears nothing is of no use
            os._exit(OUT_OF_MEMORY)
        if told == PING:
            answers.give(ALIVE)
        else:
            works.put(told)


def _handed_over(prepared: Prepared | Change) -> Built | Change:
    if isinstance(prepared, Change):
        return prepared
    return Built(prepared.request, prepared.content, prepared.address)


if __name__ == "__main__":
    main()
