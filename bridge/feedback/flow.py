"""Up to when every event that reached the queue is known to be settled.

A process sees only what comes to it: while for longer than a message can be in anybody's hands each one was fresh and
came for the first time, none of before is left here. Another process that cannot settle may hold what comes to it
again and again; so the queue itself must say, twice, that nothing is in it and nothing in anybody's hands. What it
says is approximate, but what is from before that time has been there for longer than its counts lag behind.

A queue that is busy is never found empty. There it takes ten times as long without trouble: of two processes it would
be always the other one that a message comes to, ten times in a row.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from bridge.feedback.queue import QueueMessage
from notifier.process.clock import boottime

_LOOK_SECONDS = 5.0
_LOOKS = 2
_TURNS = 10
_FRESH_PART = 12
_CLOCK_SECONDS = 1.0  # SQS's clock tells whole ones


class QueueDepth(Protocol):
    """The queue. `visibility`: how many seconds a message may be in anybody's hands."""

    visibility: int

    def depth(self) -> int: ...


class Flow:
    """Shared by the receivers of a process."""

    def __init__(self, queue: QueueDepth, clock: Callable[[], float] = boottime) -> None:
        self._queue = queue
        self._fresh = max(2.0, queue.visibility / _FRESH_PART)
        self._window = queue.visibility + self._fresh + _CLOCK_SECONDS
        self._clock = clock
        self._lock = threading.Lock()
        self._smooth_since = clock()
        self._looked_at = float("-inf")
        self._empty_looks = 0

    def received(self, messages: Iterable[QueueMessage]) -> None:
        """What the queue gave."""
        if any(each.age > self._fresh or each.receives > 1 for each in messages):
            self.reset()

    def reset(self) -> None:
        """The queue did not answer, or a message stays in it for now."""
        with self._lock:
            self._smooth_since = self._clock()
            self._empty_looks = 0

    def settled_before(self) -> float | None:
        """How many seconds ago that was; to be asked when what came is settled. None: not known, or told just now.

        Raises Unreachable.
        """
        if not self._may_look():
            return None
        is_empty = self._queue.depth() == 0
        with self._lock:
            self._empty_looks = self._empty_looks + 1 if is_empty else 0
            window = self._window if self._empty_looks >= _LOOKS else _TURNS * self._window
            return window if self._is_smooth(window) else None

    def _may_look(self) -> bool:
        with self._lock:
            now = self._clock()
            if not self._is_smooth(self._window) or now - self._looked_at < _LOOK_SECONDS:
                return False
            self._looked_at = now
            return True

    def _is_smooth(self, seconds: float) -> bool:
        return self._clock() - self._smooth_since >= seconds
