"""Workers with isolated builds on one database, with objects in the place of their processes."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from notifier.outbox import Change, DueNotification, Suspects
from tests.workers.test_deliverer import Environment, hello
from workers.building.preparer import Preparer
from workers.isolation.child import BuildNotBegun, Built, Child, DiedDuringBuild
from workers.isolation.isolated_builds import IsolatedBuilds

Step = Callable[[], None]


class Process(Child):
    """Each build calls the next step of the script. If that raises nothing, it builds the notification."""

    def __init__(self, preparer: Preparer, script: list[Step]) -> None:
        self._preparer = preparer
        self._script = script
        self.builds = 0
        self._alive = True

    @property
    def is_running(self) -> bool:
        return self._alive

    def build(self, due: DueNotification, timeout: float) -> Built | Change:
        self.builds += 1
        if self._script:
            self._script.pop(0)()
        built = self._preparer.prepare(due)
        return built if isinstance(built, Change) else Built(built.request, built.content, built.address)

    def kill(self) -> None:
        self._alive = False


def goes_well() -> None:
    """A step of a script that does nothing."""


def waits_for(event: threading.Event, seconds: float = 60.0) -> Step:
    def waits() -> None:
        event.wait(seconds)

    return waits


def dies() -> None:
    raise DiedDuringBuild("killed by SIGKILL")


def ends_before_it_begins() -> None:
    raise BuildNotBegun("killed by SIGKILL")


class IsolatingWorkers:
    """Workers that are dropped as if they were killed. `script` is that of all their processes."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.script: list[Step] = []
        self._made: list[IsolatedBuilds] = []
        self.threads: list[threading.Thread] = []
        """Threads that build until the test sets `unblock`."""
        self.processes: list[Process] = []
        self.starts: list[Step] = []
        self.preparer = Preparer(env.channel, env.deliverer(hello)._builder._preparer._routes, env.templates)
        self.suspects = Suspects(env.rows.engine)

    def worker(self, most_deaths: int = 3, **options: Any) -> IsolatedBuilds:
        self._made.append(IsolatedBuilds(self._start, self.suspects, self.preparer, most_deaths, **options))
        return self._made[-1]

    def close(self) -> None:
        """End all threads, so that none writes into the database of another test."""
        for thread in self.threads:
            thread.join(30)
        for each in self._made:
            kept = each._leases
            with kept._changed:
                kept._left = True
                kept._running.clear()
                kept._ended.clear()
                timer = kept._timer
            if timer:
                timer.cancel()
                timer.join(30)

    def _start(self) -> Process:
        if self.starts:
            self.starts.pop(0)()
        self.processes.append(Process(self.preparer, self.script))
        return self.processes[-1]

    @property
    def builds(self) -> int:
        return sum(each.builds for each in self.processes)

    def pending(self) -> DueNotification:
        (id_,) = self.env.pending("ana@example.com")
        return self.load(id_)

    def load(self, id_: UUID) -> DueNotification:
        (due,) = self.env.attempts.load([id_])
        return due  # type: ignore[no-any-return]

    def row(self, id_: UUID) -> dict[str, Any]:
        query = "SELECT deaths, begun_by, lease_until FROM suspects WHERE notification_id = :id"
        return self.env.rows.one(query, id=id_)

    def is_suspect(self, id_: UUID) -> bool:
        return bool(self.env.rows.all("SELECT FROM suspects WHERE notification_id = :id", id=id_))

    def end_leases(self) -> None:
        self.env.rows.run("UPDATE suspects SET lease_until = now() - interval '1 s' WHERE begun_by IS NOT NULL")


def without_answer(call: Callable[..., Any], times: int = 1) -> Callable[..., Any]:
    """Return the function with its answer lost so many times, after it has done its work."""
    left = [times]

    def lossy(*arguments: Any, **options: Any) -> Any:
        answer = call(*arguments, **options)
        if left[0]:
            left[0] -= 1
            raise OperationalError("the fault", {}, Exception("the connection is gone"))
        return answer

    return lossy


def away(*_: Any, **__: Any) -> Any:
    raise OperationalError("the fault", {}, Exception("the connection is gone"))


@pytest.fixture
def isolating(env: Environment) -> Iterator[IsolatingWorkers]:
    made = IsolatingWorkers(env)
    yield made
    made.close()


@pytest.fixture
def unblock() -> Iterator[threading.Event]:
    """An event for which threads wait. Set at the end of the test, so that none is left behind."""
    event = threading.Event()
    yield event
    event.set()
