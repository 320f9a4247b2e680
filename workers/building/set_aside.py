"""Slow builds that their unit does not wait for. Each is set aside: its message goes on, in a unit of its own, when
the result is there.
"""

import threading
from collections.abc import Iterable
from typing import Generic, TypeVar
from uuid import UUID

from celery_units.unfinished import Unfinished

T = TypeVar("T")


class SetAside(Generic[T]):
    """The results of such builds until they are taken, by notification. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[UUID, Unfinished] = {}
        self._results: dict[UUID, T] = {}

    def count(self) -> int:
        """Return how many builds go on, or have a result that was not taken yet."""
        return len(self._expected) + len(self._results)

    def expect(self, id_: UUID) -> Unfinished:
        """Return the `Unfinished` that ends when the result is put."""
        with self._lock:
            later = self._expected[id_] = Unfinished()
        return later

    def put(self, id_: UUID, result: T) -> bool:
        """Keep the result until it is taken. Return False if it is not expected any more."""
        with self._lock:
            later = self._expected.pop(id_, None)
            if later is None:
                return False
            self._results[id_] = result
        later.end()
        return True

    def take(self, ids: Iterable[UUID]) -> dict[UUID, T]:
        """Return and drop the results that are there."""
        with self._lock:
            if not self._results:
                return {}
            return {id_: self._results.pop(id_) for id_ in ids if id_ in self._results}

    def forget(self, ids: Iterable[UUID]) -> list[UUID]:
        """Do not expect these any more. Return those whose result was there: the caller has to release them."""
        with self._lock:
            found = [id_ for id_ in ids if self._results.pop(id_, None) is not None]
            for id_ in ids:
                self._expected.pop(id_, None)
        return found


class UnitAside(Generic[T]):
    """What one unit sets aside."""

    def __init__(self, results: SetAside[T]) -> None:
        self._results = results
        self.expected: dict[UUID, Unfinished] = {}

    def expect(self, id_: UUID) -> None:
        self.expected[id_] = self._results.expect(id_)

    def put(self, id_: UUID, result: T) -> bool:
        return self._results.put(id_, result)

    def forget(self) -> list[UUID]:
        """The unit was interrupted, and its messages are delivered again. Return the ids whose result was there."""
        return self._results.forget(self.expected)
