"""A search, one step at a time: a listed day is looked up by a term, the others are read in parts. See `Search`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause

from notifier.outbox.days import within, within_days
from notifier.outbox.history.calendar import read_days
from notifier.outbox.operator.selection import Selection
from notifier.outbox.records import write
from notifier.outbox.search.places import Cursor, Place, places, terms
from notifier.outbox.statements import statement

SLOW_SECONDS = 0.05
"""A step that takes longer examines fewer rows the next time; one that takes less than half of it, more."""

_STEPS = (2_000, 100_000)
"""The least and the most rows that a step examines."""

_CANDIDATES_AT_LEAST, _CANDIDATES = 100, 500
"""Deliveries that are fetched by their ids at once: as many as are to be found, within these limits."""

_LISTED = {
    True: statement(__package__, "listed.sql", direction="DESC"),
    False: statement(__package__, "listed.sql", direction="ASC"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, between which ids, with the statements of that direction and their parameters."""

    selection: Selection
    statuses: Sequence[str]
    cursor: Cursor
    find: TextClause
    fetch: TextClause

    @property
    def values(self) -> dict[str, Any]:
        needle = write(self.selection.keys[0]) if self.selection.keys else b""
        return {
            **self.selection.values(),
            "statuses": list(self.statuses),
            "recipients": list(self.selection.recipients),
            "keys": list(self.selection.keys),
            "needle": needle,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """What a step found, and the id up to which everything is examined."""

    rows: Sequence[Any]
    reached: UUID


def steps(connection: Connection, query: Query, limit: int | None) -> Iterator[Step]:
    """Search in the order of the cursor, one step at a time."""
    if query.selection.ids:
        yield from _named(connection, query, query.selection.ids)
        return
    has_terms = terms(query.selection, query.statuses) is not None
    for place in places(read_days(connection), query.selection, query.statuses, query.cursor, has_terms=has_terms):
        yield from (_look_up if place.listed else _read)(connection, query, place, limit)


def _look_up(connection: Connection, query: Query, place: Place, limit: int | None) -> Iterator[Step]:
    """Fetch the deliveries of a place that have the terms of the search, and check them: terms may be outdated."""
    its = terms(query.selection, query.statuses)
    assert its is not None  # noqa: S101  narrows the type
    step = _CANDIDATES if limit is None else max(_CANDIDATES_AT_LEAST, min(_CANDIDATES, limit))
    listed = within_days(_LISTED[query.cursor.newest_first], place.spans)
    while True:
        values = {"values": list(its.values), "kind": its.kind, "first": place.first, "end": place.end, "step": step}
        candidates = list(connection.execute(listed, values).scalars())
        if candidates:
            yield from _named(connection, query, candidates)
        if len(candidates) < step:
            return
        place = _rest(place, candidates[-1], query.cursor)


def _read(connection: Connection, query: Query, place: Place, limit: int | None) -> Iterator[Step]:
    """Read the deliveries of one day, as many at a time as take a small part of a second."""
    size = _STEPS[0]
    while True:
        began = time.monotonic()
        examined, step = _examine(connection, query, place, size, limit)
        if step is None:
            return
        yield step
        seconds = time.monotonic() - began
        if examined < size:
            return
        place = _rest(place, step.reached, query.cursor)
        if seconds > SLOW_SECONDS:
            size = max(_STEPS[0], size // 2)
        elif seconds < SLOW_SECONDS / 2:
            size = min(_STEPS[1], size * 2)


def _examine(
    connection: Connection, query: Query, place: Place, size: int, limit: int | None
) -> tuple[int, Step | None]:
    """Examine `size` deliveries of a place. Return how many there were, and what was found, None without any."""
    values = {**query.values, "first": place.first, "end": place.end, "step": size, "limit": limit}
    rows = connection.execute(within_days(query.find, place.spans), values).mappings().all()
    examined, last = rows[0]["examined"], rows[0]["last"]
    if not examined:
        return 0, None
    return examined, Step([row for row in rows if row["notification_id"] is not None], last)


def _rest(place: Place, reached: UUID, cursor: Cursor) -> Place:
    """Return what is left of a place of which all up to `reached` is examined."""
    if cursor.newest_first:
        return replace(place, end=reached)
    return replace(place, first=UUID(int=reached.int + 1))


def _named(connection: Connection, query: Query, ids: Sequence[UUID]) -> Iterator[Step]:
    """Fetch those of these ids that match and lie between the ends of the cursor."""
    cursor = query.cursor
    wanted = sorted({each for each in ids if cursor.first <= each < cursor.end}, reverse=cursor.newest_first)
    for start in range(0, len(wanted), _CANDIDATES):
        some = wanted[start : start + _CANDIDATES]
        values = {**query.values, "candidates": some}
        yield Step(connection.execute(within(query.fetch, some), values).mappings().all(), some[-1])
