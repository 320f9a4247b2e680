"""Whether this process reaches the provider. While it does not, one message at a time is sent to find out.

Without it, an outage would take every delivery through begin and finish again and again, and each request without an
answer would leave one more outcome unknown.
"""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from notifier.outcomes import Blocked, Late, Offline, Outcome, Unknown
from workers.process.stop import Stop

log = structlog.get_logger(__name__)

_UNANSWERED = 10
"""So many messages in a row without an answer mean that the provider is down."""
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 15.0
_STEP_SECONDS = 0.25  # between two looks whether this process is to end


class Reachability:
    """Shared by the threads of a worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, stop: Stop | None = None) -> None:
        self._clock = clock
        self._stop = Stop() if stop is None else stop
        self._changed = threading.Condition()
        self._pause = 0.0  # between two tries; 0 while the provider answers
        self._next_try = 0.0
        self._unanswered = 0  # messages without an answer since the last answer

    def allowance(self, wanted: int, timeout: float) -> int:
        """Return how many messages may be sent now: `wanted` while the provider answers, else 1 if a try is due.

        Waits up to `timeout` seconds for that; 0 after it, or if this process is to end.
        """
        deadline = self._clock() + timeout
        with self._changed:
            while self._pause:
                now = self._clock()
                if self._stop.is_set():
                    return 0
                if now >= self._next_try:
                    self._next_try = now + self._pause
                    return 1
                if now >= deadline:
                    return 0
                self._changed.wait(min(self._next_try - now, deadline - now, _STEP_SECONDS))
        return wanted

    def nothing_asked(self) -> None:
        """Let the next message try at once: the last one led to no request, as another worker had settled it."""
        with self._changed:
            if self._pause:
                self._next_try = self._clock()
                self._changed.notify_all()

    def update(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of some requests into account."""
        asked: Sequence[Outcome] = outcomes
        if not {Late, Blocked}.isdisjoint(map(type, outcomes)):
            asked = [each for each in outcomes if not _may_be_unasked(each)]
        answered = any(not isinstance(each, Offline | Unknown) for each in asked)
        with self._changed:
            self._unanswered = 0 if answered else self._unanswered + len(asked)
            if self._unanswered >= _UNANSWERED:
                self._set_down()
            elif answered and self._pause:
                log.warning("the provider answers again")
                self._pause = 0.0
            self._changed.notify_all()

    def _set_down(self) -> None:
        if not self._pause:
            log.error("the provider does not answer; one message at a time tries")
        self._pause = min(max(_FIRST_SECONDS, self._pause * 2), _LONGEST_SECONDS)
        self._next_try = self._clock() + self._pause


def _may_be_unasked(outcome: Outcome) -> bool:
    """Return whether a message with this outcome may have ended without a request."""
    return isinstance(outcome, Late) or (isinstance(outcome, Blocked) and bool(outcome.within))
