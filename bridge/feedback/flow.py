"""Finds out up to when every event that reached the queue is settled.

If all messages that this process received during one visibility timeout were new, and came for the first time, no
older message is outstanding in this process. Another process may receive a message again and again and fail to settle
it, so the queue's counts must also be zero, twice: no message waiting, delayed or received. The counts are
approximate, but older messages have been in the queue for longer than the counts lag behind.

A busy queue is never empty. There, ten such windows in a row without an error are enough: an old message would have
to come to the other processes each time.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from bridge.feedback.queue import QueueMessage
from notifier.process.clock import boottime

_ASK_SECONDS = 5.0
_EMPTY_COUNTS = 2
_BUSY_WINDOWS = 10
_FRESH_PART = 12
"""A message is new if it was in the queue for this part of the visibility timeout at most (at least two seconds)."""
_CLOCK_SECONDS = 1.0  # SQS's clock has whole seconds


class QueueDepth(Protocol):
    """The queue. `visibility`: for how many seconds a message that was received is hidden from others."""

    visibility: int

    def depth(self) -> int: ...


class Flow:
    """Knows whether this process receives messages without errors. Shared by its receivers, and thread-safe."""

    def __init__(self, queue: QueueDepth, clock: Callable[[], float] = boottime) -> None:
        self._queue = queue
        self._fresh = max(2.0, queue.visibility / _FRESH_PART)
        self._window = queue.visibility + self._fresh + _CLOCK_SECONDS
        self._clock = clock
        self._lock = threading.Lock()
        self._undisturbed_since = clock()
        self._asked_at = float("-inf")
        self._empty_counts = 0

    def received(self, messages: Iterable[QueueMessage]) -> None:
        """Note what the queue returned: an old message, or one received before, restarts the window."""
        if any(each.age > self._fresh or each.receives > 1 for each in messages):
            self.reset()

    def reset(self) -> None:
        """Restart the window: the queue did not answer, or a message stays in it for now."""
        with self._lock:
            self._undisturbed_since = self._clock()
            self._empty_counts = 0

    def settled_before(self) -> float | None:
        """Return a number of seconds: every event that reached the queue before that is settled. To be called when
        all received messages are settled. None if nothing is known, or if it was asked in the last five seconds.

        Raise Unreachable.
        """
        if not self._may_ask():
            return None
        is_empty = self._queue.depth() == 0
        with self._lock:
            self._empty_counts = self._empty_counts + 1 if is_empty else 0
            window = self._window if self._empty_counts >= _EMPTY_COUNTS else _BUSY_WINDOWS * self._window
            return window if self._is_undisturbed(window) else None

    def _may_ask(self) -> bool:
        with self._lock:
            now = self._clock()
            if not self._is_undisturbed(self._window) or now - self._asked_at < _ASK_SECONDS:
                return False
            self._asked_at = now
            return True

    def _is_undisturbed(self, seconds: float) -> bool:
        return self._clock() - self._undisturbed_since >= seconds
