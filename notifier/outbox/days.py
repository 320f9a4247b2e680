"""Limits a statement to the partitions of certain days. The large tables are partitioned by the day in the id.

A statement that finds its rows by id has `in_days(d.notification_id)` in its condition. `within` replaces that with
the bounds of the days of its ids, as literals: Postgres then plans and locks the partitions of these days only.
Without bounds, or with bounds as parameters of a cached plan, it locks every partition that exists. So it does with a
constant `false`: Postgres prunes partitions by comparisons with the column only.

The planner may read all rows of a day, instead of finding each by its id, if it expects that few of them meet another
condition of the statement: few rows are `sending` at any time, but most of those with these ids are. Such a condition
is written `(wanted.id IS NULL OR d.status = 'sending')`, which can only be checked after the join.

Postgres keeps the plan of a prepared statement until it knows that a table has changed. A plan that was made at
midnight for a table of ten rows reads the whole table, and would still do so with ten thousand rows. So the text of
the statement changes each time that the process has used it for four times as many ids of these days, and Postgres
makes a new plan. The sessions of workers keep the first plan of each text (`generic_plans` in
notifier/database/engine.py): to plan again for five hundred ids costs more than to find their rows.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from uuid import UUID

from sqlalchemy import TextClause, text

from notifier.notifications import first_id

_DAY_MS = 24 * 60 * 60 * 1000
_DAY_OF_IDS = _DAY_MS << 80
_MARK = re.compile(r"\bin_days\(([a-z_.]+)\)")

Spans = tuple[tuple[int, int], ...]
"""Ranges of days since 1970 (UTC): the first day, and the day after the last one."""


def within(statement: TextClause, ids: Collection[UUID]) -> TextClause:
    """Return the statement for these ids: each `in_days(column)` becomes a condition on the days of the ids.

    Raise ValueError without ids: there is nothing to read or to write, so the caller is to leave the statement out.
    """
    if not ids:
        raise ValueError("a statement for no ids: return before it")
    return _bounded(statement.text, spans(ids)).text(len(ids))


def within_days(statement: TextClause, days: Spans) -> TextClause:
    """Return the statement for these days. For no days it finds no row, and locks no partition."""
    return _bounded(statement.text, days).text(0)


def span(first: UUID, end: UUID) -> Spans:
    """Return the days of all ids from `first` on and before `end`."""
    return ((first.int // _DAY_OF_IDS, -(-end.int // _DAY_OF_IDS)),)


def spans(ids: Iterable[UUID]) -> Spans:
    """Return the days of the ids, with adjacent days joined; empty for no ids."""
    numbers = [each.int for each in ids]
    if numbers and (first := min(numbers) // _DAY_OF_IDS) == max(numbers) // _DAY_OF_IDS:
        return ((first, first + 1),)  # without a division of each: nearly all units are of one day
    found: list[tuple[int, int]] = []
    for day in sorted({each // _DAY_OF_IDS for each in numbers}):
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + 1)
        else:
            found.append((day, day + 1))
    return tuple(found)


class _Bounded:
    """A statement for certain days, and for how many ids it was used."""

    def __init__(self, sql: str, days: Spans) -> None:
        self._sql = _MARK.sub(lambda mark: _condition(mark.group(1), days), sql)
        self._ids = 0
        self._size = -1
        self._text = text("")

    def text(self, ids: int) -> TextClause:
        """Return the same object as the last time, unless Postgres should make a new plan."""
        self._ids += ids
        if (size := self._ids.bit_length() // 2) != self._size:
            self._text, self._size = text(f"{self._sql} /* {size} */"), size
        return self._text


@lru_cache(maxsize=512)
def _bounded(sql: str, days: Spans) -> _Bounded:
    return _Bounded(sql, days)


def _condition(column: str, days: Spans) -> str:
    if not days:  # of no partition, as the planner can see; with `false` it plans and locks all of them
        return f"{column} < '{first_id(0)}'"
    each = [f"{column} >= '{first_id(first * _DAY_MS)}' AND {column} < '{_end(end)}'" for first, end in days]
    return f"({' OR '.join(each)})"


def _end(day: int) -> UUID:
    return first_id(min(day * _DAY_MS, (1 << 48) - 1))
