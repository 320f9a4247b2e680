"""Builds that their unit did not wait for. Their messages go on in a unit of their own when the result is there."""

import threading
from collections.abc import Iterable
from typing import Generic, TypeVar
from uuid import UUID

from celery_units.later import Later

T = TypeVar("T")


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
