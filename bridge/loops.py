"""A job that runs again and again in a thread of its own until it is told to stop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from notifier.database import DatabaseError, cause
from notifier.errors import NotifierError
from notifier.health import Recording
from notifier.telemetry import trace

log = structlog.get_logger(__name__)

_LONGEST_BACKOFF = 5.0


@dataclass(frozen=True, slots=True)
class NextIn:
    """What a job answers that knows better when it should run again. A type of its own: many jobs answer a number."""

    seconds: float


class Loop:
    """Calls `job` every so many seconds, or when it said so. A failure is logged and tried again: none ends it."""

    def __init__(self, name: str, seconds: float, job: Callable[[], object]) -> None:
        self.name = name
        self.recording = Recording()
        self._seconds = seconds
        self._job = job
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Do the next round now."""
        self._wake.set()

    def tell_to_stop(self) -> None:
        """Let no other round begin."""
        self._stop.set()
        self._wake.set()

    def join(self, seconds: float = 10.0) -> None:
        """Wait for the round under way to end."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = self._round()
            if not self._stop.is_set() and self._wake.wait(wait):
                self._wake.clear()

    def _round(self) -> float:
        try:
            answer = self._job()
        except DatabaseError as error:
            self.recording.failed(reason := cause(error))
            log.warning("failed, will try again", job=self.name, reason=reason)
        except NotifierError as error:
            log.warning("failed, will try again", job=self.name, reason=" ".join(str(error).split())[:300])
        except Exception as error:  # noqa: BLE001
            facts = {"job": self.name, "error": type(error).__name__, "trace": trace(error)}
            log.error("failed, will try again", **facts)  # noqa: TRY400  what the error says may quote a record
        else:
            self.recording.worked()
            self._failures = 0
            return answer.seconds if isinstance(answer, NextIn) else self._seconds
        self._failures += 1
        return min(_LONGEST_BACKOFF, max(self._seconds, 0.1 * 2.0**self._failures))
