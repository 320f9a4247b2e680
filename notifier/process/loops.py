"""Periodic jobs, each in a thread of its own, and the processes that do nothing else."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from notifier.database.errors import DatabaseError, cause
from notifier.errors import NotifierError
from notifier.health.beats import STALE_SECONDS
from notifier.health.heartbeat import BEAT_SECONDS, Heartbeat
from notifier.health.write_health import WriteHealth
from notifier.retry import backoff
from notifier.telemetry import trace

log = structlog.get_logger(__name__)

_LONGEST_BACKOFF = 5.0
HUNG_SECONDS = 300.0
"""A round that takes longer counts as hung, unless the loop is given another number."""


@dataclass(frozen=True, slots=True)
class NextIn:
    """Returned by a job to override the interval of its loop once. Its own type, because many jobs return a count."""

    seconds: float


class Loop:
    """Calls `job` every `seconds`, or when the job's `NextIn` says, from `start` until `request_stop`.

        loop = Loop("retention", 300.0, retention.run_once)
        loop.start()
        ...
        loop.request_stop()
        loop.join()

    An exception of the job is logged, and the job is called again after a backoff of at most five seconds: no failure
    ends the loop. A round may take `hung_seconds` before `trouble` reports it.
    """

    def __init__(
        self, name: str, seconds: float, job: Callable[[], object], hung_seconds: float = HUNG_SECONDS
    ) -> None:
        self.name = name
        self.recording = WriteHealth()
        self._seconds = seconds
        self._job = job
        self._hung_seconds = hung_seconds
        self._due: float | None = None  # monotonic time by which the round or the wait should be over
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._due = time.monotonic() + self._hung_seconds
        self._thread.start()

    def trouble(self) -> str:
        """Return one line for the operator if the thread has ended or its round is overdue. Empty otherwise, and
        after `request_stop`.
        """
        due = self._due
        if due is None or self._stop.is_set():
            return ""
        if not self._thread.is_alive():
            return f"the thread {self.name!r} has ended: restart this process"
        late = time.monotonic() - due
        return f"the thread {self.name!r} hangs, for {late:.0f} s by now: restart this process" if late > 0 else ""

    def wake(self) -> None:
        """Begin the next round now."""
        self._wake.set()

    def request_stop(self) -> None:
        """Begin no other round."""
        self._stop.set()
        self._wake.set()

    def join(self, seconds: float = 10.0) -> None:
        """Wait up to `seconds` for the current round to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._due = time.monotonic() + self._hung_seconds
            try:
                wait = self._round()
            except Exception:  # noqa: BLE001  logging a failure failed: logging this one may fail too
                wait = _LONGEST_BACKOFF
            self._due = time.monotonic() + wait + STALE_SECONDS
            if not self._stop.is_set() and self._wake.wait(wait):
                self._wake.clear()

    def _round(self) -> float:
        """Call the job; return the seconds until the next round."""
        try:
            answer = self._job()
        except Exception as error:  # noqa: BLE001
            self._failures += 1
            self._log_failure(error)
            return min(_LONGEST_BACKOFF, max(self._seconds, backoff(0.2, self._failures, _LONGEST_BACKOFF)))
        self.recording.worked()
        self._failures = 0
        return answer.seconds if isinstance(answer, NextIn) else self._seconds

    def _log_failure(self, error: Exception) -> None:
        if isinstance(error, DatabaseError):
            self.recording.failed(reason := cause(error))
            log.warning("failed, will try again", job=self.name, reason=reason)
        elif isinstance(error, NotifierError):
            log.warning("failed, will try again", job=self.name, reason=" ".join(str(error).split())[:300])
        else:
            facts = {"job": self.name, "error": type(error).__name__, "trace": trace(error)}
            log.error("failed, will try again", **facts)  # without its text: it may quote a record


class Loops:
    """The loops of a process, which run until `stop`.

    loops = Loops([Loop("receive", 0.0, receiver.run_once)], heartbeat, finish_seconds=30.0)
    stop_on_signals(loops.stop)
    loops.run(loops.trouble)
    """

    def __init__(self, loops: Sequence[Loop], heartbeat: Heartbeat, finish_seconds: float) -> None:
        self._loops = loops
        self._heartbeat = heartbeat
        self._finish_seconds = finish_seconds
        self._stopping = threading.Event()

    def run(self, health: Callable[[], str | None]) -> None:
        """Run until `stop`, and until the rounds in progress are over, or `finish_seconds` have passed.

        The heartbeat tells what `health` returns, empty if nothing is wrong. It stops while that is None.
        """
        for loop in self._loops:
            loop.start()
        try:
            while not self._stopping.is_set():
                if (trouble := health()) is not None:
                    self._heartbeat.beat(trouble)
                self._stopping.wait(BEAT_SECONDS)
        finally:
            for loop in self._loops:
                loop.request_stop()
            until = time.monotonic() + self._finish_seconds
            for loop in self._loops:
                loop.join(max(0.0, until - time.monotonic()))

    def stop(self) -> None:
        """End `run`. May be called from another thread, not from a signal handler: see `stop_on_signals`."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def trouble(self) -> str:
        """Return in one line which threads have ended or hang, empty if none does."""
        return in_one_line(*(each.trouble() for each in self._loops))

    def recording_trouble(self) -> str:
        """Return in one line why the database takes nothing of the jobs, empty if it does."""
        return in_one_line(*(each.recording.trouble() for each in self._loops))


def in_one_line(*troubles: str) -> str:
    """Return each of the troubles once, without the empty ones."""
    return "; ".join(dict.fromkeys(filter(None, troubles)))
