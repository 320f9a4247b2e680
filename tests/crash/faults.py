"""A port with a fault: one call of one method, before or after it has done its work, raises, dies or stands still."""

import inspect
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sized
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.waiting import wait_until


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    """The work is done, and its answer is lost."""


class Effect(StrEnum):
    RAISE = "raise"
    KILL = "kill"
    PAUSE = "pause"
    """The process stops while another one takes over, and then goes on."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where, when and what. `port` names a class, `call` is the first, second, ... call of the method."""

    port: str
    method: str
    moment: Moment
    effect: Effect
    call: int = 1

    @property
    def place(self) -> str:
        return f"{self.port}.{self.method}" + (f" ({self.call})" if self.call > 1 else "")

    def __str__(self) -> str:
        return f"{self.place}-{self.moment}-{self.effect}"


class Fault:
    """Strikes once at its point. `folder` is where it meets the test: it was reached, it may go on."""

    def __init__(self, point: Point | None, folder: Path) -> None:
        self.point = point
        self._folder = folder
        self._calls = 0

    @property
    def _point(self) -> Point:
        assert self.point is not None
        return self.point

    @property
    def reached(self) -> Path:
        return self._folder / "reached"

    @property
    def go_on(self) -> Path:
        return self._folder / "go-on"

    def around(self, method: Callable[..., Any], error: Callable[[], Exception]) -> Callable[..., Any]:
        """The method with the fault in it. A call that has nothing to do, or raises by itself, does not count."""

        def call(*arguments: Any, **options: Any) -> Any:
            if arguments and isinstance(arguments[0], Sized) and len(arguments[0]) == 0:
                return method(*arguments, **options)
            if self._point.moment is Moment.BEFORE:
                if self._is_its_turn():
                    self._strike(error)
                return method(*arguments, **options)
            answer = method(*arguments, **options)
            return self._after(answer, error) if self._is_its_turn() else answer

        return call

    def _is_its_turn(self) -> bool:
        self._calls += 1
        return self._calls == self._point.call

    def _after(self, answer: Any, error: Callable[[], Exception]) -> Any:
        """A generator has done its work at its end, a context manager once it is entered."""
        if isinstance(answer, Generator):
            return self._exhausted(answer, error)
        if isinstance(answer, AbstractContextManager):
            return self._entered(answer, error)
        self._strike(error)
        return answer

    def _exhausted(self, answer: Generator[Any], error: Callable[[], Exception]) -> Iterator[Any]:
        yield from answer
        self._strike(error)

    @contextmanager
    def _entered(self, answer: AbstractContextManager[Any], error: Callable[[], Exception]) -> Iterator[Any]:
        with answer as value:
            self._strike(error)
            yield value

    def _strike(self, error: Callable[[], Exception]) -> None:
        self.reached.touch()
        match self._point.effect:
            case Effect.RAISE:
                raise error()
            case Effect.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Effect.PAUSE:
                wait_until(self.go_on.exists, seconds=90)


def faulty(port: Any, fault: Fault, error: Callable[[], Exception]) -> Any:
    """The port itself, with the fault around the one method that the point names, where it is this port."""
    if fault.point is not None and fault.point.port == type(port).__name__:
        setattr(port, fault.point.method, fault.around(getattr(port, fault.point.method), error))
    return port


def methods(port: type) -> list[str]:
    """The public methods of a port: a new one is in the matrix the day it is written. Static ones reach nothing."""
    return [
        name
        for name, _ in inspect.getmembers(port, inspect.isfunction)
        if not name.startswith("_")
        and name != "close"
        and not isinstance(inspect.getattr_static(port, name), staticmethod)
    ]
