"""Runs checks side by side, each in a thread of its own, and collects their findings."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from notifier.database.errors import DatabaseError, cause
from notifier.doctor.finding import CheckEnded, Finding, doubtful, wrong
from notifier.doctor.setup import Setup
from notifier.errors import NotifierError


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its `name` for `--only`, the `subject` under which its findings stand, and what finds them.

    `find` may be a generator: what it has yielded stays also if it then raises or hangs.
    """

    name: str
    subject: str
    find: Callable[[Setup], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and the check that found it."""

    check: Check
    finding: Finding


@dataclass(slots=True)
class _Run:
    check: Check
    findings: list[Finding] = field(default_factory=list)

    def run(self, setup: Setup) -> None:
        try:
            for finding in self.check.find(setup):
                self.findings.append(finding)
        except CheckEnded as ended:
            self.findings.append(ended.finding)
        except Exception as error:  # noqa: BLE001  one check that fails stops no other
            self.findings.append(_of_error(error))


def examine(checks: Sequence[Check], setup: Setup, seconds: float) -> list[Found]:
    """Run the checks, and return their findings in the order of the checks.

    A check that has not ended after `seconds` is left behind; that is one of its findings. One finding is listed once
    for each subject, also if several checks have it.
    """
    runs = [_Run(check) for check in checks]
    threads = [threading.Thread(target=run.run, args=(setup,), daemon=True) for run in runs]
    until = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    found: dict[tuple[str, Finding], Found] = {}
    for run, thread in zip(runs, threads, strict=True):
        thread.join(max(0.0, until - time.monotonic()))
        late = [_late(run.check, seconds)] if thread.is_alive() else []
        for finding in (*run.findings, *late):
            found.setdefault((run.check.subject, finding), Found(run.check, finding))
    return list(found.values())


def _late(check: Check, seconds: float) -> Finding:
    return doubtful(
        f"the check {check.name} did not end within {seconds:g} s",
        f"give it more time: notifier doctor --only {check.name} --timeout {seconds * 4:g}",
    )


def _of_error(error: Exception) -> Finding:
    """Return the finding for an error that ended a check. No text of an unknown error: it may hold a secret."""
    if isinstance(error, NotifierError):
        return wrong(str(error), "")  # its text says what to do, too
    if isinstance(error, DatabaseError):
        return doubtful(f"the database refused the check: {cause(error)}", "see the log of the database")
    return doubtful(
        f"the check failed with {type(error).__name__}", "this is a mistake in notifier doctor: please report it"
    )
