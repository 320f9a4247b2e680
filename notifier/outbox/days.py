"""The days that a statement touches. Tables of the outbox are partitioned by day of the notification's id.

A statement that finds its rows by id says `in_days(d.notification_id)` beside the join. `within` replaces that by the
bounds of the days of the ids at hand, as literals: Postgres then plans and locks the partitions of these days only.
Without bounds, or with bounds as parameters of a plan that is kept, it locks every partition that exists.

The planner may read all rows of a day, instead of finding each by its id, where it believes that few of them meet
another condition of the statement: few rows are `sending` at any time, but most of those that are wanted. Such a
condition is written `(wanted.id IS NULL OR d.status = 'sending')`, which can only be checked after the join.

Postgres keeps the plan of a prepared statement until it knows that a table has changed. A plan that was made at
midnight for a table of ten rows reads all of it, and would do so for ten thousand rows. So the text changes each time
that a process has worked on four times as many ids of these days, and the plan is made anew.
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
"""Days since 1970 (UTC): first day, and the day after the last one."""


def within(statement: TextClause, ids: Collection[UUID]) -> TextClause:
    """The statement for these ids: each `in_days(column)` in it becomes a condition on the days of the ids."""
    return _bounded(statement.text, spans(ids)).text(len(ids))


def within_days(statement: TextClause, days: Spans) -> TextClause:
    """The same for days that are known."""
    return _bounded(statement.text, days).text(0)


def span(first: UUID, end: UUID) -> Spans:
    """The days of all ids from `first` on and before `end`."""
    return ((first.int // _DAY_OF_IDS, -(-end.int // _DAY_OF_IDS)),)


def spans(ids: Iterable[UUID]) -> Spans:
    """The days of the ids, with adjacent days joined; empty for no ids."""
    found: list[tuple[int, int]] = []
    for day in sorted({each.int // _DAY_OF_IDS for each in ids}):
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + 1)
        else:
            found.append((day, day + 1))
    return tuple(found)


class _Bounded:
    """A statement for certain days, and how many ids it was used for."""

    def __init__(self, sql: str, days: Spans) -> None:
        self._sql = _MARK.sub(lambda mark: _condition(mark.group(1), days), sql)
        self._worked = 0
        self._size = -1
        self._text = text("")

    def text(self, ids: int) -> TextClause:
        """The same object as the last time, unless it is time for a new plan."""
        self._worked += ids
        if (size := self._worked.bit_length() // 2) != self._size:
            self._text, self._size = text(f"{self._sql} /* {size} */"), size
        return self._text


@lru_cache(maxsize=512)
def _bounded(sql: str, days: Spans) -> _Bounded:
    return _Bounded(sql, days)


def _condition(column: str, days: Spans) -> str:
    each = [f"{column} >= '{first_id(first * _DAY_MS)}' AND {column} < '{_end(end)}'" for first, end in days]
    return f"({' OR '.join(each)})" if each else "false"


def _end(day: int) -> UUID:
    return first_id(min(day * _DAY_MS, (1 << 48) - 1))
