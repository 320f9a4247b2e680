"""Whether a process is alive, and whether it can do its work, check by check in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.health import Heartbeat
from notifier.process.beats import silence

OK = "ok"


@dataclass(frozen=True, slots=True)
class Check:
    """`trouble` returns in one line what is wrong, an empty text if nothing is. It must return at once."""

    name: str
    trouble: Callable[[], str]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether all checks are `good`; `checks` has `OK` or the trouble of each, by name."""

    good: bool
    checks: dict[str, str]


class ProcessChecks:
    """The checks of one process. Safe to share between threads.

    `alive`: what only a restart corrects, beside the heartbeat: a thread that has ended or hangs. `ready`: what it
    needs to do its work, such as the database; it waits for that by itself.

        checks = ProcessChecks("worker", heartbeat, stop.is_set, ready=[Check("database", database.trouble)])
    """

    def __init__(
        self,
        process: str,
        heartbeat: Heartbeat,
        stopping: Callable[[], bool],
        *,
        alive: Sequence[Check] = (),
        ready: Sequence[Check] = (),
    ) -> None:
        """`stopping` returns whether the process is to end."""
        self.process = process
        self._alive = [Check("heartbeat", lambda: silence(heartbeat.silent_seconds())), *alive]
        self._ready = ready
        self._stopping = stopping

    def health(self) -> CheckResult:
        """Return whether the process makes progress. One that ends does: its loops have stopped as they should."""
        if self._stopping():
            return CheckResult(True, {"stop": "this process ends"})
        return _result(self._alive)

    def readiness(self) -> CheckResult:
        """Return whether the process can do its work now, and goes on doing it."""
        if self._stopping():
            return CheckResult(False, {"stop": "this process ends"})
        return _result([*self._alive, *self._ready])


def _result(checks: Sequence[Check]) -> CheckResult:
    found = {check.name: check.trouble() or OK for check in checks}
    return CheckResult(all(words == OK for words in found.values()), found)
