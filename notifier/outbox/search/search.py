"""Finds notifications for people and programs: pages in both directions, bounded counts, failures in groups.

Ids are ordered by the time of their events, so they are the keys of the pages: a page is the same whatever was
recorded since. A day is read in steps, each of which examines so many rows that it takes a small part of a second,
whatever the number of rows; between two of them the search may end for lack of time.
"""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from notifier.notifications import Status
from notifier.outbox.operator.selection import Selection
from notifier.outbox.search.pages import MOST_COUNTED, Count, Failures, Found, grouped
from notifier.outbox.search.queries import Answer, Query
from notifier.outbox.search.ranges import Cursor
from notifier.outbox.search.steps import steps

BUDGET_SECONDS = 0.15
"""Time for a search of the console; its last step may take a little longer."""


class Search:
    """Searches that take at most about `budget` seconds each, and say if they ended early; None: as long as it takes.

    search = Search(engine)
    found = search.page(Selection(recipients=["ana@example.com"]))
    older = search.page(Selection(recipients=["ana@example.com"]), older_than=found.older)
    """

    def __init__(self, engine: Engine, *, budget: float | None = BUDGET_SECONDS) -> None:
        self._engine = engine
        self._budget = budget

    def page(
        self,
        selection: Selection,
        statuses: Sequence[str] = (),
        *,
        limit: int = 50,
        older_than: UUID | None = None,
        newer_than: UUID | None = None,
    ) -> Found:
        """Return the newest deliveries of these statuses (empty: all) that are `older_than` an id, at most `limit`;
        or those next to the id that they are `newer_than`.
        """
        down = newer_than is None
        query = Query(selection, statuses, Answer.PAGE, Cursor(older_than, newer_than, newest_first=down))
        rows, _, reached = self._collect(query, limit + 1)
        found, more = [_row(row) for row in rows[:limit]], len(rows) > limit
        onward = found[-1]["notification_id"] if more else reached
        back = found[0]["notification_id"] if found and (older_than or newer_than) else None
        complete = more or reached is None
        return Found(found, onward, back, complete) if down else Found(found[::-1], back, onward, complete)

    def count(self, selection: Selection, statuses: Sequence[str] = (), most: int = MOST_COUNTED) -> Count:
        """Return how many there are, counting at most `most`."""
        _, matched, reached = self._collect(Query(selection, statuses, Answer.COUNT, Cursor()), most + 1)
        return Count(min(matched, most), more=matched > most, complete=reached is None)

    def redrivable(self, selection: Selection, most: int = MOST_COUNTED) -> tuple[Count, Count]:
        """Return how many failed ones there are, counting at most `most`; and how many of these may have been
        accepted: see `Operations.redrive`.
        """
        query = Query(selection, (Status.FAILED,), Answer.MAYBE_SENT, Cursor())
        maybe_sent, matched, reached = self._collect(query, most + 1)
        failed = Count(min(matched, most), more=matched > most, complete=reached is None)
        return failed, Count(sum(maybe_sent), complete=failed.complete and not failed.more)

    def ids(self, selection: Selection, statuses: Sequence[str] = ()) -> list[UUID]:
        """Return the ids of all of them, the newest first; without a budget, however many there are."""
        rows, _, _ = self._collect(Query(selection, statuses, Answer.IDS, Cursor()), None)
        return [row["notification_id"] for row in rows]

    def failures(self, selection: Selection, most: int = MOST_COUNTED) -> Failures:
        """Return about `most` of the newest failures by channel, route and reason."""
        rows, matched, reached = self._collect(Query(selection, (Status.FAILED,), Answer.GROUPS, Cursor()), most)
        return Failures(grouped(rows), complete=reached is None and matched < most)

    def _collect(self, query: Query, limit: int | None) -> tuple[list[Any], int, UUID | None]:
        """Return the first rows, at least `limit` if there are so many; how many that is; and the id that was reached
        when time was over, else None.
        """
        rows: list[Any] = []
        matched = 0
        with self._engine.connect() as connection:
            deadline = None if self._budget is None else time.monotonic() + self._budget
            for step in steps(connection, query, limit):
                rows += step.rows
                matched += step.matched
                if limit is not None and matched >= limit:
                    return rows, matched, None
                if deadline is not None and time.monotonic() > deadline:
                    return rows, matched, step.reached
        return rows, matched, None


def _row(row: Any) -> dict[str, Any]:
    """The delivery, without what the statement says of its step."""
    return {name: value for name, value in row.items() if name != "last"}
