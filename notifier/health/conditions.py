"""Whether a process is alive, and whether it can do its work, condition by condition in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notifier.health.beats import silence
from notifier.health.heartbeat import Heartbeat

OK = "ok"


@dataclass(frozen=True, slots=True)
class Condition:
    """`trouble` returns in one line what is wrong, an empty text if nothing is. It must return at once."""

    name: str
    trouble: Callable[[], str]


@dataclass(frozen=True, slots=True)
class HealthResult:
    """Whether all conditions are `good`; `conditions` has `OK` or the trouble of each, by name."""

    good: bool
    conditions: dict[str, str]


class ProcessHealth:
    """The conditions of one process. Safe to share between threads.

    `alive`: what only a restart corrects, beside the heartbeat: a thread that has ended or hangs. `ready`: what it
    needs to do its work, such as the database; it waits for that by itself.

        health = ProcessHealth("worker", heartbeat, stop.is_set, ready=[Condition("database", database.trouble)])
    """

    def __init__(
        self,
        process: str,
        heartbeat: Heartbeat,
        stopping: Callable[[], bool],
        *,
        alive: Sequence[Condition] = (),
        ready: Sequence[Condition] = (),
    ) -> None:
        """`stopping` returns whether the process is to end."""
        self.process = process
        self._alive = [Condition("heartbeat", lambda: silence(heartbeat.silent_seconds())), *alive]
        self._ready = ready
        self._stopping = stopping

    def liveness(self) -> HealthResult:
        """Return whether the process makes progress. One that ends does: its loops have stopped as they should."""
        if self._stopping():
            return HealthResult(True, {"stop": "this process ends"})
        return _result(self._alive)

    def readiness(self) -> HealthResult:
        """Return whether the process can do its work now, and goes on doing it."""
        if self._stopping():
            return HealthResult(False, {"stop": "this process ends"})
        return _result([*self._alive, *self._ready])


def _result(conditions: Sequence[Condition]) -> HealthResult:
    found = {each.name: each.trouble() or OK for each in conditions}
    return HealthResult(all(words == OK for words in found.values()), found)
