"""The lines of a file that says what an older system sent: JSON lines, or CSV with a first line of names.

    {"key": "user#7/request#1", "recipient": "ana@example.com", "subject": "Bo wants to connect", "time": 1764579600}

`time` is ISO 8601 or Unix seconds; `subject` may be missing. Other fields are ignored. A mail to several people is a
line for each of them, or, in JSON, one line with a list: each recipient is compared for itself.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import orjson

from notifier.comparison.matching import Compared
from notifier.errors import UsageError
from notifier.operating.times import in_utc, of_an_event
from notifier.text import encodes

LONGEST_LINE = 1_000_000
"""Bytes. A longer line is wrong, and is not read into memory."""
LONGEST_TEXT = 1_000
"""Characters of a subject that are compared."""
_NEEDED = ("key", "recipient", "time")


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that cannot be compared, with its number, which counts from 1, and why."""

    number: int
    error: str


def read(file: IO[bytes], address: Callable[[str], str]) -> Iterator[Compared | WrongLine]:
    """Yield each line as a message, or as a wrong line, which stops no other. Holds one line at a time.

    `address` returns a recipient as suppressions spell it. Raise UsageError if the first line of a CSV file lacks a
    column.
    """
    numbered = _lines(file)
    first = next(((number, line) for number, line in numbered if isinstance(line, WrongLine) or line.strip()), None)
    if first is None:
        return
    is_json = isinstance(first[1], str) and first[1].lstrip().startswith("{")
    yield from _of_json(_chained(first, numbered), address) if is_json else _of_csv(first, numbered, address)


Numbered = tuple[int, "str | WrongLine"]


def _chained(first: Numbered, rest: Iterator[Numbered]) -> Iterator[Numbered]:
    yield first
    yield from rest


def _lines(file: IO[bytes]) -> Iterator[Numbered]:
    """Yield each line with its number, as text or as a wrong line."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) >= LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, WrongLine(number, f"it is longer than {LONGEST_LINE:,} bytes")
            continue
        try:
            yield number, line.decode()
        except UnicodeDecodeError:
            yield number, WrongLine(number, "it is not in UTF-8")


def _of_json(lines: Iterator[Numbered], address: Callable[[str], str]) -> Iterator[Compared | WrongLine]:
    for number, line in lines:
        if isinstance(line, WrongLine):
            yield line
        elif line.strip():
            yield from _read_json(number, line, address)


def _read_json(number: int, line: str, address: Callable[[str], str]) -> Iterator[Compared | WrongLine]:
    try:
        found = orjson.loads(line)
    except ValueError:
        yield WrongLine(number, "it is not JSON")
        return
    if not isinstance(found, dict):
        yield WrongLine(number, "it is not an object, as {...}")
        return
    to = found.get("recipient")
    for each in to if to and isinstance(to, list) else [to]:
        yield _message(number, {**found, "recipient": each}, address)


def _of_csv(
    first: Numbered, rest: Iterator[Numbered], address: Callable[[str], str]
) -> Iterator[Compared | WrongLine]:
    """A field may hold line breaks: the number of a message is that of its last line."""
    if isinstance(first[1], WrongLine):
        raise UsageError(f"line {first[0]}: {first[1].error}")
    try:
        names = [each.strip().lower() for each in next(csv.reader([first[1]]), [])]
    except csv.Error as error:  # as of a file whose lines end with CR alone
        raise UsageError(f"line {first[0]}: {error}") from None
    if lacking := [each for each in _NEEDED if each not in names]:
        raise UsageError(f"the first line must name the columns; missing: {', '.join(lacking)}")
    feed = _Feed(rest)
    rows = csv.reader(feed, strict=True)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield WrongLine(feed.number, str(error))
            continue
        yield from feed.taken()
        if row is None:
            return
        if len(row) > len(names):
            yield WrongLine(feed.number, "more fields than columns")
        elif row:
            yield _message(feed.number, dict(zip(names, row, strict=False)), address)


class _Feed:
    """The lines for a CSV reader; wrong ones are kept aside. `number` is that of the last line."""

    def __init__(self, lines: Iterator[Numbered]) -> None:
        self._lines = lines
        self._wrong: list[WrongLine] = []
        self.number = 1

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, str):
            return line
        self._wrong.append(line)
        return "\n"  # of which no row comes: a file of wrong lines must not fill the memory

    def taken(self) -> list[WrongLine]:
        wrong, self._wrong = self._wrong, []
        return wrong


def _message(number: int, found: Mapping[str, Any], address: Callable[[str], str]) -> Compared | WrongLine:
    lacking = [name for name in _NEEDED if found.get(name) in (None, "")]
    if lacking:
        return WrongLine(number, f"it has no {', '.join(lacking)}")
    texts = [found["key"], found["recipient"], found.get("subject") or ""]
    if any(not isinstance(each, str | int) or isinstance(each, bool) for each in texts):
        return WrongLine(number, "key, recipient and subject must be texts")
    key, recipient, subject = (str(each).strip() for each in texts)
    if not all(map(encodes, (key, recipient, subject))):
        return WrongLine(number, "it has half a surrogate pair")
    try:
        at = _time(found["time"])
    except (ValueError, OverflowError, TypeError):
        return WrongLine(number, "its time is neither Unix seconds nor ISO 8601, as 2026-01-31T12:00:00Z")
    return Compared(key, address(recipient), subject[:LONGEST_TEXT], at, str(number))


def _time(given: Any) -> datetime:
    """Return the time in UTC, which it is in if it has no offset. Raise ValueError, OverflowError or TypeError."""
    try:
        seconds = float(given)
    except ValueError:
        return in_utc(given)
    if isinstance(given, bool) or not math.isfinite(seconds):
        raise ValueError("no time")
    return of_an_event(datetime.fromtimestamp(seconds, UTC))
