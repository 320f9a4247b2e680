"""A task that runs in units and does what the test says."""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from celery import Celery, signals
from celery.exceptions import Retry

from celery_units.request import was_lost
from celery_units.unfinished import Unfinished
from celery_units.units import Completion, UnitTask, give_back
from tests.celery_units.app import Broker, new_ids
from tests.waiting import wait_until

TASK = "recorded"
SUCCEEDED = ["task-received", "task-started", "task-succeeded"]
RETRIED = ["task-received", "task-started", "task-retried"]
FAILED = ["task-received", "task-started", "task-failed"]


class Failed(Exception):
    pass


def retries() -> NoReturn:
    raise Retry(message="later", when=1.0)


def fails() -> NoReturn:
    raise Failed


class Recorder:
    """Remembers the units, holds them up, and ends each message as the test says."""

    def __init__(self) -> None:
        self.units: list[list[str]] = []
        self.suspects: list[bool] = []
        self.completions: dict[str, Completion] = {}
        self.errors: list[Exception] = []
        """Each is raised by one unit or one task that runs alone, the last one first."""
        self.give_back_units = 0
        """How many of the next units are given back."""
        self.poison: str | None = None
        self.later: dict[str, Unfinished] = {}
        self.marked: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.ending = threading.Event()
        self._received = 0
        signals.task_received.connect(self._receive)

    def run(self, ids: Sequence[str], *, suspects: bool) -> list[Completion | Unfinished | None]:
        self.units.append(list(ids))
        self.suspects.append(suspects)
        self.gate.wait(60)
        if self.errors:
            raise self.errors.pop()
        if self.give_back_units:
            self.give_back_units -= 1
            return [give_back] * len(ids)
        if self.poison in ids:
            raise ValueError(self.poison)
        return [self._outcome(id_, suspects=suspects) for id_ in ids]

    def _outcome(self, id_: str, *, suspects: bool) -> Completion | Unfinished:
        if (later := self.later.get(id_)) and not later.wait(0):
            return later
        if id_ in self.marked and not suspects:
            return Unfinished(suspects=True)
        return self.completions.get(id_, partial(str, "done"))

    def has_received(self, count: int) -> None:
        """Wait until workers have received so many messages."""
        wait_until(lambda: self._received == count, message=f"{self._received} of {count}")

    def _receive(self, **_: Any) -> None:
        self._received += 1

    @property
    def ids(self) -> list[str]:
        return [id_ for unit in self.units for id_ in unit]


def register(app: Celery, recorder: Recorder, **options: Any) -> Any:
    class Recorded(UnitTask):
        abstract = True

        def run_many(self, requests: Sequence[dict[str, Any]]) -> list[Completion | Unfinished | None]:
            return recorder.run([request["id"] for request in requests], suspects=was_lost(requests[0]))

        def is_ending(self) -> bool:
            return recorder.ending.is_set()

    @app.task(name=TASK, base=Recorded, shared=False, **options)  # type: ignore[untyped-decorator]
    def recorded(id_: str) -> Any:
        (completion,) = recorder.run([id_], suspects=False)
        assert callable(completion)
        return completion()

    return recorded


def busy(recorder: Recorder, queue: Broker) -> str:
    """A message that keeps the only place of the pool until the gate opens."""
    recorder.gate.clear()
    (id_,) = new_ids(1)
    before = len(recorder.units)
    queue.publish(id_)
    wait_until(lambda: len(recorder.units) > before)
    return id_


def done(queue: Broker) -> None:
    """Wait until every message is acknowledged."""
    wait_until(lambda: queue.held() == set())
