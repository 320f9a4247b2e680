"""A result that a unit did not wait for."""

import threading
from collections.abc import Callable


class Later:
    """Stands for the outcome of a message whose build is still under way: deliver it again when this has ended.

    One of `suspects` has ended: the message is to be delivered again at once, among those that are built alone.
    """

    def __init__(self, *, suspects: bool = False) -> None:
        self.suspects = suspects
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        if suspects:
            self._ended.set()

    def then(self, call: Callable[[], None]) -> None:
        """Call it once, when the build has ended: at once where it has, else from the thread that ends it."""
        with self._lock:
            if not self._ended.is_set():
                self._calls.append(call)
                return
        call()

    def end(self) -> None:
        with self._lock:
            self._ended.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended within so many seconds."""
        return self._ended.wait(seconds)
