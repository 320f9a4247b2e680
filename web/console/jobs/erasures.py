"""The erasure of a person: first counted, then erased, each in a thread of its own. One at a time."""

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from notifier.database.engine import Engine, connect
from notifier.database.errors import DatabaseError, cause
from notifier.errors import NotifierError, UsageError
from notifier.operating.erasure_keys import erasure_keys
from notifier.outbox import Erased, Erasure, Person
from notifier.outbox.inspection.rights import read_rights
from notifier.settings import ConsoleSettings
from notifier.telemetry import trace
from notifier.text import masked

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 300
"""Seconds that one part of an erasure may take."""
_ROLE = "notifier_operator"
_NOT_ALLOWED = (
    "The console's login in Postgres may not erase. Set NOTIFIER_CONSOLE_ERASURE_URL to one with the role "
    f"{_ROLE}, or use the command: notifier erase ADDRESS --reason WHY"
)


class Step(StrEnum):
    COUNTING = "counting"
    COUNTED = "counted"
    ERASING = "erasing"
    ERASED = "erased"
    FAILED = "failed"


@dataclass
class ErasureJob:
    """What is done about a person. `name` is the address, masked; `person` is None once nothing can follow.

    `done` counts what would be erased, or is erased so far. `error` says why it failed.
    """

    name: str
    person: Person | None
    actor: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    step: Step = Step.COUNTING
    done: Erased = field(default_factory=Erased)
    error: str = ""

    @property
    def runs(self) -> bool:
        return self.step in (Step.COUNTING, Step.ERASING)


class Erasures:
    """The erasures of this console, with the login of NOTIFIER_CONSOLE_ERASURE_URL, otherwise with its own.

    They are in memory. One that ended with the process is counted and run again: what is blank is not found twice.
    """

    def __init__(self, settings: ConsoleSettings) -> None:
        self._url = (settings.console_erasure_url or settings.database_url).get_secret_value()
        self._lock = threading.Lock()
        self._job: ErasureJob | None = None

    @property
    def job(self) -> ErasureJob | None:
        return self._job

    def refusal(self) -> str:
        """Return in a sentence why this console cannot erase, empty if it can. Raise DatabaseError, Unreachable."""
        engine = self._connected()
        try:
            missing = read_rights(engine).missing[_ROLE]
        finally:
            engine.dispose()
        return _NOT_ALLOWED if any(" ON erase_" in each for each in missing) else ""

    def count(self, person: Person, actor: str) -> ErasureJob:
        """Begin to count what is kept of a person. Raise UsageError if a job runs, or if no login may erase."""
        if refusal := self.refusal():
            raise UsageError(refusal)
        with self._lock:
            self._must_rest()
            job = self._job = ErasureJob(masked(person.given), person, actor)
        self._begin(job, Step.COUNTED, lambda erasure: erasure.count(person))
        return job

    def erase(self, key: str, actor: str, reason: str, *, cancel: bool) -> ErasureJob:
        """Begin to erase the person of the job with this key, who has been counted. Raise UsageError otherwise."""
        with self._lock:
            self._must_rest()
            job = self._job
            if job is None or job.key != key or job.step is not Step.COUNTED or job.person is None:
                raise UsageError("Nothing was erased: count first what is kept of this person.")
            person, job.actor, job.step, job.done = job.person, actor, Step.ERASING, Erased()
        self._begin(job, Step.ERASED, lambda erasure: erasure.run(person, reason, cancel=cancel))
        return job

    def forget(self) -> None:
        """Drop the job that has ended, with the address. Raise UsageError while it runs."""
        with self._lock:
            self._must_rest()
            self._job = None

    def _must_rest(self) -> None:
        if self._job is not None and self._job.runs:
            raise UsageError(f"{self._job.actor} is {self._job.step} now: one person at a time.")

    def _begin(self, job: ErasureJob, end: Step, work: Callable[[Erasure], Iterator[Erased]]) -> None:
        try:
            threading.Thread(target=self._run, args=(job, end, work), name="erasure", daemon=True).start()
        except RuntimeError as error:
            log.error("an erasure was not begun: no thread can be started", reason=str(error))  # noqa: TRY400
            job.error, job.step, job.person = "no thread can be started; nothing was done", Step.FAILED, None

    def _run(self, job: ErasureJob, end: Step, work: Callable[[Erasure], Iterator[Erased]]) -> None:
        engine = self._connected()
        try:
            for done in work(Erasure(engine, actor=job.actor, keys=erasure_keys())):
                job.done = done
            job.step = end
        except NotifierError as error:
            job.error, job.step = str(error), Step.FAILED
        except DatabaseError as error:
            job.error, job.step = f"the database failed: {cause(error)}", Step.FAILED
        except Exception as error:  # noqa: BLE001  whose message may hold the address, and must not get into the log
            log.error("an erasure failed", error=type(error).__name__, trace=trace(error))  # noqa: TRY400
            job.error, job.step = "the console has a fault here; its log says where", Step.FAILED
        finally:
            engine.dispose()
            if job.step is not Step.COUNTED:
                job.person = None

    def _connected(self) -> Engine:
        return connect(self._url, application="notifier console erasure", pool_size=2, patience=_PATIENCE_SECONDS)
