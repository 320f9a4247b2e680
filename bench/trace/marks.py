"""Marks: when which notifications passed a point of a process. Kept in memory, and written to a file at its end."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import orjson

_ID = re.compile(rb'"id": ?"([0-9a-f-]{36})"')
_FILE = "trace-{pid}.jsonl"


@dataclass(frozen=True, slots=True)
class Mark:
    """The notifications `ids` passed `point` at that time, in Unix seconds."""

    point: str
    at: float
    ids: Sequence[str]


@dataclass(slots=True)
class Marks:
    """The marks of this process. Any thread may add one."""

    missing: list[str] = field(default_factory=list)
    """Functions that were to be watched and do not exist."""
    numbers: dict[UUID, str] = field(default_factory=dict)
    """The number of the event of each notification, from its recipient's address."""
    _added: list[tuple[str, float, Sequence[UUID | bytes]]] = field(default_factory=list)

    def add(self, point: str, ids: Iterable[UUID | bytes], at: float | None = None) -> None:
        """Add a mark, now if `at` is None. An id may be given as the message of its task."""
        self._added.append((point, time.time() if at is None else at, list(ids)))

    def write(self, folder: Path, pid: int) -> None:
        """Write all marks to a file in that folder."""
        lines: list[object] = [{"missing": self.missing, "numbers": {str(id_): n for id_, n in self.numbers.items()}}]
        lines += [{"point": point, "at": at, "ids": [*_ids(ids)]} for point, at, ids in self._added]
        (folder / _FILE.format(pid=pid)).write_bytes(b"\n".join(map(orjson.dumps, lines)))


@dataclass(slots=True)
class Written:
    """What the processes of one run have written."""

    marks: list[Mark] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, folder: Path) -> "Written":
        """Read the files in that folder, one of each process."""
        found = cls()
        for path in folder.glob(_FILE.format(pid="*")):
            first, *lines = map(orjson.loads, path.read_bytes().splitlines())
            found.missing |= set(first["missing"])
            found.numbers |= first["numbers"]
            found.marks += [Mark(**line) for line in lines]
        return found


def _ids(found: Iterable[UUID | bytes]) -> Iterator[str]:
    for each in found:
        if isinstance(each, UUID):
            yield str(each)
        elif match := _ID.search(each):
            yield match[1].decode()
