"""A page of records, as GetRecords returns it. Its records stay bytes until each is used, one after the other: all of
them parsed at once take ten times the memory, and more time, since no cache of the processor holds them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import orjson

from notifier.errors import Unreachable
from notifier.outbox import records as wire

PAGE_LIMIT = 1_000
_FULL_BYTES = 600_000  # of the limit of 1 MB: the next record, which may have 400 KB, did not fit
_MEMBERS = frozenset(("Records", "NextShardIterator"))

# The JSON around the records, and the first name in the first record.
_HEAD = re.compile(rb'\{(?:"NextShardIterator":(null|"[^"\\]*"),)?"Records":\[(?=(\{"[A-Za-z]+":)["{])')
_TAIL = re.compile(rb'\}\](?:,"NextShardIterator":(null|"[^"\\]*"))?\}\s*')

Parsed = dict[str, Any]


Read = tuple[Parsed, bytes | None]
"""A record, and the bytes to store of it: None if it must be written anew."""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Up to 1,000 records, or 1 MB. If `next_iterator` is None, the shard has ended with these records."""

    records: Sequence[Parsed]
    next_iterator: str | None
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether more records certainly follow, because the page is at one of its limits."""
        return len(self.records) >= PAGE_LIMIT or self.size >= _FULL_BYTES

    def read(self) -> "RecordPage":
        return self


class CutRecords(Sequence[Parsed]):
    """Records that were cut from a page, each parsed when it is used."""

    def __init__(self, parts: Sequence[bytes], whole: Callable[[], Sequence[Parsed]]) -> None:
        """`whole` parses the page as one, and returns its records."""
        self._parts = parts
        self._parse_whole = whole
        self._whole: Sequence[Parsed] | None = None

    def read(self) -> Iterator[Read]:
        """Yield the records with their bytes.

        If all parts are JSON, so is the list of them, and it has these elements: so a cut at a wrong place is found,
        and the page is parsed as one then. Bytes with an escaped character must be written anew: searches look for
        text as `wire.write` writes it.
        """
        for number, part in enumerate(self._parts):
            try:
                record = orjson.loads(part)
            except ValueError:  # or it has what only `wire.parse` reads
                self._whole = self._whole or self._parse_whole()
                yield from ((each, None) for each in self._whole[number:])
                return
            yield record, None if b"\\" in part else part

    def __iter__(self) -> Iterator[Parsed]:
        return (record for record, _ in self.read())

    def __len__(self) -> int:
        return len(self._parts if self._whole is None else self._whole)

    @overload
    def __getitem__(self, index: int) -> Parsed: ...
    @overload
    def __getitem__(self, index: slice) -> list[Parsed]: ...
    def __getitem__(self, index: int | slice) -> Parsed | list[Parsed]:
        return list(self)[index]


def read_each(records: Iterable[Parsed]) -> Iterable[Read]:
    """Return the records of a page with their bytes."""
    return records.read() if isinstance(records, CutRecords) else ((each, None) for each in records)


class UnreadPage:
    """The body of GetRecords, read when it is first used."""

    def __init__(self, body: bytes, source: str) -> None:
        self._body = body
        self._source = source
        self._page: RecordPage | None = None
        self.size = len(body)

    @property
    def records(self) -> Sequence[Parsed]:
        return self.read().records

    @property
    def next_iterator(self) -> str | None:
        return self.read().next_iterator

    @property
    def full(self) -> bool:
        return self.read().full

    def read(self) -> RecordPage:
        """Return the page. Raise Unreachable if the body is no page: some proxy may have answered. Where its records
        could be cut, this is raised only when the first one that is no JSON is used.
        """
        if self._page is None:
            self._page = _read(self._body, self._source)
        return self._page


def _read(body: bytes, source: str) -> RecordPage:
    if (cut := _cut(body)) is None:
        return _parse(body, source)
    parts, next_iterator = cut
    return RecordPage(CutRecords(parts, lambda: _parse(body, source).records), next_iterator, len(body))


def _parse(body: bytes, source: str) -> RecordPage:
    """Parse the page as one."""
    try:
        read = wire.parse(body)
    except ValueError as error:
        raise Unreachable(f"the answer of DynamoDB Streams at {source} is no JSON: {error}") from None
    if not isinstance(read, dict) or not _MEMBERS & read.keys():  # it would count as the shard's last page
        raise Unreachable(f"the answer of DynamoDB Streams at {source} is no page of records")
    return RecordPage(read.get("Records", []), read.get("NextShardIterator"), len(body))


def _cut(body: bytes) -> tuple[list[bytes], str | None] | None:
    """Return the bytes of each record, and the next iterator. None if the page is not written as DynamoDB writes it:
    without spaces, and each record beginning with the same name. Whether each part is a record shows when it is
    parsed. Pure.
    """
    head = _HEAD.match(body)
    end = body.rfind(b"}]")
    tail = _TAIL.fullmatch(body, end) if head else None
    if head is None or tail is None:
        return None
    try:
        next_iterator = orjson.loads(tail[1] or head[1] or b"null")
    except ValueError:
        return None
    between, start, parts = b"}," + head[2], head.end(), []
    while (found := body.find(between, start, end)) >= 0:
        parts.append(body[start : found + 1])
        start = found + 2
    parts.append(body[start : end + 1])
    return parts, next_iterator
