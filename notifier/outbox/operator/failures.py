"""Failing routes: an error of the route, or of its template, keeps their deliveries from being sent."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, TextClause

from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import Day, joined, read_days
from notifier.outbox.operator.totals import day_pages, listed_deliveries, more_listed, snapshot
from notifier.outbox.statements import statement

_LEAST_FAILURES = 2
"""A delivery that is retried counts from its second failure: after one, the error may have passed."""

SAMPLED_PAGES = 1_000
"""How many pages of days that are not listed an estimate reads: about 40,000 deliveries, in 10 ms."""
NEWEST_LISTED = 1_000
"""How many failures of listed days an estimate reads."""
LOOKED_AT = 300
"""Of how many failures an estimate reads the route and the history."""

_RARE = ("failed", "pending")
_NOW = statement(__package__, "read_now.sql")


def _statement(candidates: str, chosen: str) -> TextClause:
    return statement(__package__, "failing_routes.sql", candidates=candidates, chosen=chosen)


_FAILING = {
    False: _statement("{all_deliveries}", "{all_found}"),
    True: _statement(listed_deliveries(*_RARE), "{all_found}"),
}
"""By whether the search terms of the days are listed."""
_ESTIMATED = {
    False: _statement("{sampled_deliveries}", "{some_found :percent < 100.0}"),
    True: _statement(listed_deliveries(*_RARE, newest=True), f"{{some_found {more_listed(*_RARE)}}}"),
}


def failing(engine: Engine, days: int, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return the failing routes of events of the last `days` days, by channel, the newest failure first.

    Each row has the number of deliveries that `failed`, of those that are `retried` after two errors, and the time,
    the id and the reason of the newest one. Failures that an operator has acknowledged are left out, and
    those after `until`.

    Listed days are looked up by their search terms; of the others all deliveries are read.
    """
    with snapshot(engine) as connection:
        rows: list[Mapping[str, Any]] = []
        for listed, some in _by_listed(connection, days).items():
            rows += _rows(connection, _FAILING[listed], some, {"until": until})
    return merged(rows)


def estimate_failing(
    engine: Engine,
    days: int,
    sampled_pages: int = SAMPLED_PAGES,
    newest_listed: int = NEWEST_LISTED,
    looked_at: int = LOOKED_AT,
) -> list[dict[str, Any]]:
    """Return the same at a bounded cost.

    Of listed days the newest `newest_listed` failures are read; of the others, if they have more than `sampled_pages`
    pages, a sample. Of more than `looked_at` failures the routes of a part are read. Numbers that come from this are
    `estimated`, and a route with very few failures may be left out.
    """
    with snapshot(engine) as connection:
        rows: list[Mapping[str, Any]] = []
        pages = day_pages(connection)
        for listed, some in _by_listed(connection, days).items():
            size = 0 if listed else sum(pages[each.day] for each in some)
            values = {"most": looked_at, "percent": 100.0 * min(1.0, sampled_pages / max(1, size))}
            rows += _rows(connection, _ESTIMATED[listed], some, values | {"listed": newest_listed, "until": None})
    return merged(rows)


def _by_listed(connection: Connection, days: int) -> dict[bool, list[Day]]:
    """Return those of the last days that may have failures, by whether their search terms are listed."""
    first = connection.execute(_NOW).scalar_one().astimezone(UTC).date() - timedelta(days=days)
    found = [each for each in read_days(connection) if each.day >= first and each.may_hold(_RARE)]
    return {listed: some for listed in (False, True) if (some := [each for each in found if each.listed is listed])}


def _rows(
    connection: Connection, query: TextClause, days: Sequence[Day], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    values = {**values, "tries": _LEAST_FAILURES}
    return [dict(row) for row in connection.execute(within_days(query, joined(days)), values).mappings()]


def merged(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each route and channel: sums, and what is the newest; the newest failure first."""
    routes: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda each: each["newest_at"], reverse=True):
        known = routes.setdefault((row["channel"], row["route"]), {**row, "failed": 0, "retried": 0})
        known["failed"] += row["failed"]
        known["retried"] += row["retried"]
        known["estimated"] |= row["estimated"]
    return list(routes.values())
