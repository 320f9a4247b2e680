"""Stops a process when the operating system asks for it."""

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop_on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` once, in a thread of its own, when SIGTERM or SIGINT arrives. For the main thread of a process.

    A handler runs between two instructions of the main thread, which may hold a lock that `stop` needs, as that of an
    Event has while it is set or begins to wait: called there, `stop` would wait for ever. So the handler only puts
    something into a SimpleQueue, whose `put` may interrupt itself.
    """
    asked: SimpleQueue[int] = SimpleQueue()

    def wait() -> None:
        asked.get()
        stop()

    threading.Thread(target=wait, name="stop on signals", daemon=True).start()
    for each in SIGNALS:
        signal.signal(each, lambda number, _: asked.put(number))
