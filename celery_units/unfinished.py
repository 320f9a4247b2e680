"""The result of a message whose work is not done when its unit ends."""

import threading
from collections.abc import Callable


class Unfinished:
    """The result of a message whose work continues in a thread: its task runs again when the thread calls `end`.

    With `suspects` there is no work in a thread: the task runs again at once, in a unit of messages that may have
    crashed a worker (see `mark_lost`).

        later = Unfinished()
        threading.Thread(target=lambda: (work(), later.end())).start()
        return [later]  # from `run_many`
    """

    def __init__(self, *, suspects: bool = False) -> None:
        self.suspects = suspects
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        if suspects:
            self._ended.set()

    def then(self, call: Callable[[], None]) -> None:
        """Call `call` once, when the work has ended: now if it has, otherwise from the thread that calls `end`."""
        with self._lock:
            if not self._ended.is_set():
                self._calls.append(call)
                return
        call()

    def end(self) -> None:
        """Note that the work has ended, and call what waits for it."""
        with self._lock:
            self._ended.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the work has ended, at most `seconds`. Return whether it has."""
        return self._ended.wait(seconds)
