"""The journal: a file with one JSON line for each recipient of each accepted mail, written before the response.

Tests and the demo compare it with what was sent. Memory holds only offsets; a restart reads the file again.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from simulators.ses.errors import JournalError
from simulators.ses.limits import bare
from simulators.ses.mail import Receipt


class MailJournal:
    """The file of accepted mails. With `fsync` its lines survive a power cut, else only the end of this process."""

    def __init__(self, path: Path, fsync: bool = False) -> None:
        """Raise JournalError if the file cannot be used, or another process writes it."""
        self._path = path
        self._fsync = fsync
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JournalError(f"the journal {path} cannot be opened, or has a writer: {error}") from error
        self.accepted = self._messages = self._without_nid = self._end = 0
        self._first: dict[str, int] = {}
        self._more: dict[str, list[int]] = {}
        self._recover()

    def append(self, receipts: Sequence[Receipt]) -> None:
        """Write the lines of all these mails. Raise JournalError, and writes none, if that fails."""
        lines: list[bytes] = []
        places: list[tuple[str | None, int]] = []
        end = self._end
        for receipt in receipts:
            written = b"".join(_lines(receipt))
            lines.append(written)
            places.append((receipt.envelope.tag("nid"), end))
            end += len(written)
        self._write(b"".join(lines))
        self._end = end
        self.accepted += sum(len(receipt.envelope.recipients) for receipt in receipts)
        for nid, offset in places:
            self._index(nid, offset)

    def copies(self, nid: str) -> int:
        """Return how many mails were accepted for this notification."""
        return (nid in self._first) + len(self._more.get(nid, ()))

    def messages(self, nid: str) -> list[dict[str, Any]]:
        """Return the lines of this notification, read from the file."""
        if nid not in self._first:
            return []
        return [line for at in (self._first[nid], *self._more.get(nid, ())) for line in self._message(at)]

    def duplicated(self) -> dict[str, int]:
        """Return the notifications that were accepted more than once, each with the number of its mails."""
        return {nid: 1 + len(offsets) for nid, offsets in self._more.items()}

    def counts(self) -> dict[str, int]:
        return {
            "accepted": self.accepted,
            "messages": self._messages,
            "distinct_nids": len(self._first),
            "duplicated_nids": len(self._more),
            "without_nid": self._without_nid,
        }

    def clear(self) -> None:
        os.ftruncate(self._file, 0)
        self.accepted = self._messages = self._without_nid = self._end = 0
        self._first.clear()
        self._more.clear()

    def close(self) -> None:
        os.close(self._file)

    def _index(self, nid: str | None, offset: int) -> None:
        self._messages += 1
        if nid is None:
            self._without_nid += 1
        elif self._first.setdefault(nid, offset) != offset:
            self._more.setdefault(nid, []).append(offset)

    def _write(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if self._fsync:
                os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise JournalError(f"the journal {self._path} cannot be written: {error}") from error

    def _message(self, offset: int) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as file:
            file.seek(offset)
            first = orjson.loads(file.readline())
            yield first
            for line in map(orjson.loads, file):
                if line["message_id"] != first["message_id"]:
                    return
                yield line

    def _recover(self) -> None:
        """Count what an earlier process accepted. Removes an incomplete last line: its mail got no response."""
        last_id = None
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                message_id, nid = self._read(line)
                self.accepted += 1
                if message_id != last_id:
                    self._index(nid, self._end)
                last_id = message_id
                self._end += len(line)
        os.ftruncate(self._file, self._end)

    def _read(self, line: bytes) -> tuple[str, str | None]:
        try:
            entry = orjson.loads(line)
            return entry["message_id"], entry["nid"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise JournalError(f"{self._path} is no journal: byte {self._end}: {error}") from error


def _lines(receipt: Receipt) -> Iterable[bytes]:
    envelope = receipt.envelope
    tags = dict(envelope.tags)
    line: dict[str, Any] = {
        "time": receipt.time,
        "message_id": receipt.message_id,
        "nid": tags.get("nid"),
        "att": tags.get("att"),
        "to": None,
        "subject": envelope.subject,
        "configuration_set": envelope.configuration_set,
        "tags": tags,
    }
    for recipient in envelope.recipients:
        line["to"] = bare(recipient)
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
