"""A search, one step at a time: listed days are looked up by a term, the others are read in parts. See `Search`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from notifier.outbox.days import span, within_days
from notifier.outbox.history.calendar import read_days
from notifier.outbox.search.queries import Answer, Query
from notifier.outbox.search.ranges import Cursor, IdRange, Terms, ranges, terms

SLOW_SECONDS = 0.05
"""A step that takes longer examines fewer rows the next time; one that takes less than half of it, more."""

_STEPS = (2_000, 100_000)
"""The least and the most rows of a day that a step reads."""

_CANDIDATES = (100, 500)
"""The least and the most deliveries that a step fetches by their ids. Each may be a read from the disk of its own."""


class _Size:
    """How many rows the next step examines: twice as many while steps are fast, half as many after a slow one."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self.now = least

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Learn from how long the block takes."""
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self.now = max(self._least, self.now // 2)
        elif seconds < SLOW_SECONDS / 2:
            self.now = min(self._most, self.now * 2)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step found, how many that are, and the id up to which everything is examined."""

    rows: Sequence[Any]
    matched: int
    reached: UUID


def steps(connection: Connection, query: Query, limit: int | None) -> Iterator[Step]:
    """Search in the order of the cursor; `limit` is the largest number of rows to return."""
    size = _Size(*_CANDIDATES)
    if query.selection.ids:
        yield from _fetch(connection, query, query.selection.ids, limit, size)
        return
    wanted_terms = terms(query.selection, query.statuses)
    days = read_days(connection)
    for range_ in ranges(days, query.selection, query.statuses, query.cursor, has_terms=wanted_terms is not None):
        if wanted_terms is not None and range_.listed:
            yield from _look_up(connection, query, wanted_terms, range_, limit, size)
        else:
            yield from _read(connection, query, range_, limit)


def _look_up(
    connection: Connection, query: Query, wanted_terms: Terms, range_: IdRange, limit: int | None, size: _Size
) -> Iterator[Step]:
    """Fetch the deliveries of a range that have the terms of the search, and check them: terms may be outdated."""
    least, most = _CANDIDATES
    most = max(least, min(most, limit or most))
    listed = within_days(query.listed, range_.spans)
    while True:
        values = {
            "values": list(wanted_terms.values),
            "kind": wanted_terms.kind,
            "first": range_.first,
            "end": range_.end,
            "step": most,
        }
        candidates = list(connection.execute(listed, values).scalars())
        yield from _fetch(connection, query, candidates, limit, size)
        if len(candidates) < most:
            return
        range_ = _rest(range_, candidates[-1], query.cursor)


def _read(connection: Connection, query: Query, range_: IdRange, limit: int | None) -> Iterator[Step]:
    """Read the deliveries of one day, as many at a time as take a small part of a second."""
    size = _Size(*_STEPS)
    statement = within_days(query.read, range_.spans)
    while True:
        values = {**query.values, "first": range_.first, "end": range_.end, "step": size.now, "limit": limit}
        with size.timed():
            rows = connection.execute(statement, values).mappings().all()
        last = rows[0]["last"]
        yield _step(query, rows, last or _far_end(range_, query.cursor))
        if last is None:
            return
        range_ = _rest(range_, last, query.cursor)


def _fetch(
    connection: Connection, query: Query, ids: Sequence[UUID], limit: int | None, size: _Size
) -> Iterator[Step]:
    """Fetch those of these ids that match and lie between the ends of the cursor."""
    cursor = query.cursor
    wanted = sorted({each for each in ids if cursor.first <= each < cursor.end}, reverse=cursor.newest_first)
    start = 0
    while some := wanted[start : start + size.now]:
        start += len(some)
        values = {**query.values, "candidates": some, "limit": limit}
        # Not `within`: with the bounds of each of fifty days Postgres plans for longer than it searches.
        days = span(min(some), UUID(int=max(some).int + 1))
        with size.timed():
            rows = connection.execute(within_days(query.fetch, days), values).mappings().all()
        yield _step(query, rows, some[-1])


def _step(query: Query, rows: Sequence[Any], reached: UUID) -> Step:
    if query.answer is Answer.COUNT:
        return Step((), rows[0]["matched"], reached)
    if query.answer is Answer.MAYBE_SENT:
        return Step((rows[0]["maybe_sent"],), rows[0]["matched"], reached)
    found = [row for row in rows if row["notification_id"] is not None]
    matched = sum(row["matched"] for row in found) if query.answer is Answer.GROUPS else len(found)
    return Step(found, matched, reached)


def _far_end(range_: IdRange, cursor: Cursor) -> UUID:
    """Return the last id that a range may have, in the order of the cursor."""
    return range_.first if cursor.newest_first else UUID(int=range_.end.int - 1)


def _rest(range_: IdRange, reached: UUID, cursor: Cursor) -> IdRange:
    """Return what is left of a range of which all up to `reached` is examined."""
    if cursor.newest_first:
        return replace(range_, end=reached)
    return replace(range_, first=UUID(int=reached.int + 1))
