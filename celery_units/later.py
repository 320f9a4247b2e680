"""Builds that their unit did not wait for. Their messages go on in a unit of their own when the result is there."""

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


class Later:
    """Stands for the outcome of a message whose build is still under way: deliver it again when this has ended.

    One of `suspects` has ended: the message is to be delivered again at once, among those that are built alone.
    """

    def __init__(self, *, suspects: bool = False) -> None:
        self.suspects = suspects
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._calls: list[Callable[[], None]] = []
        if suspects:
            self._ended.set()

    def then(self, call: Callable[[], None]) -> None:
        """Call it once, when the build has ended: at once where it has, else from the thread that ends it."""
        with self._lock:
            if not self._ended.is_set():
                self._calls.append(call)
                return
        call()

    def end(self) -> None:
        with self._lock:
            self._ended.set()
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended within so many seconds."""
        return self._ended.wait(seconds)


class SetAside(Generic[T]):
    """The results of such builds, by notification, until they are taken. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[UUID, Later] = {}
        self._came: dict[UUID, T] = {}

    def expect(self, id_: UUID) -> Later:
        """There will be a result."""
        with self._lock:
            later = self._waiting[id_] = Later()
        return later

    def come(self, id_: UUID, result: T) -> bool:
        """Keep the result for whoever takes it. False where nobody will."""
        with self._lock:
            later = self._waiting.pop(id_, None)
            if later is None:
                return False
            self._came[id_] = result
        later.end()
        return True

    def take(self, ids: Iterable[UUID]) -> dict[UUID, T]:
        """Those of the results that have come. Each is taken once."""
        with self._lock:
            return {id_: self._came.pop(id_) for id_ in ids if id_ in self._came}

    def forget(self, ids: Iterable[UUID]) -> list[UUID]:
        """Nobody will take these results. Answers the ids of those that had come: nobody else lets go of them."""
        with self._lock:
            came = [id_ for id_ in ids if self._came.pop(id_, None) is not None]
            for id_ in ids:
                self._waiting.pop(id_, None)
        return came


class UnitAside(Generic[T]):
    """What one unit sets aside."""

    def __init__(self, results: SetAside[T]) -> None:
        self._results = results
        self.expected: dict[UUID, Later] = {}

    def expect(self, id_: UUID) -> None:
        self.expected[id_] = self._results.expect(id_)

    def come(self, id_: UUID, result: T) -> bool:
        return self._results.come(id_, result)

    def forget(self) -> list[UUID]:
        """The unit broke off: its messages are delivered again from the start. Answers ids whose result had come."""
        return self._results.forget(self.expected)
