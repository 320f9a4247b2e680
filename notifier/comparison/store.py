"""Both sides of a comparison in a temporary database on disk: sorted without holding them in memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Self

from notifier.comparison.matching import PASSES, Compared, Pair, Side, paired

_BATCH = 1_000
_CACHE_KB = 32_000
_CREATE = (
    "CREATE TABLE message (pass INTEGER, side TEXT, key TEXT, recipient TEXT, subject TEXT, at REAL, place TEXT)"
)
_INSERT = "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?)"
_SORTED = "SELECT key, recipient, subject, at, place FROM message WHERE pass = ? AND side = ? ORDER BY {fields}, at"
_LAST = len(PASSES)


class Store:
    """A file without a name, which no other process can open, and which is gone when it is closed.

    with Store() as store:
        store.add("shadowed", shadowed)
        store.add("sent", sent)
        for pair in store.pairs():
            ...
        for message in store.alone("sent"):
            ...
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(_CREATE)
        self._left: list[tuple[object, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def add(self, side: Side, messages: Iterable[Compared]) -> int:
        """Store the messages of a side. Return how many they are."""
        count = 0
        rest = iter(messages)
        while batch := [_row(0, side, each) for each in islice(rest, _BATCH)]:
            self._database.executemany(_INSERT, batch)
            count += len(batch)
        return count

    def pairs(self) -> Iterator[Pair]:
        """Yield what both sides have. To be read to its end before `alone`."""
        for number, fields in enumerate(PASSES):

            def keep(side: Side, message: Compared, following: int = number + 1) -> None:
                self._left.append(_row(following, side, message))
                if len(self._left) >= _BATCH:
                    self._write()

            yield from paired(fields, self._sorted(number, "shadowed"), self._sorted(number, "sent"), keep)
            self._write()

    def alone(self, side: Side) -> Iterator[Compared]:
        """Yield what only this side has, in the order of the keys."""
        return self._sorted(_LAST, side)

    def _sorted(self, number: int, side: Side) -> Iterator[Compared]:
        fields = PASSES[min(number, _LAST - 1)]
        rows = self._database.execute(_SORTED.format(fields=", ".join(fields)), (number, side))
        for key, recipient, subject, at, place in rows:
            yield Compared(key, recipient, subject, datetime.fromtimestamp(at, UTC), place)

    def _write(self) -> None:
        self._database.executemany(_INSERT, self._left)
        self._left.clear()


def _row(number: int, side: Side, message: Compared) -> tuple[object, ...]:
    return number, side, message.key, message.recipient, message.subject, message.at.timestamp(), message.place
