"""Failing routes: an error of the route, or of its template, keeps their deliveries from being sent."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine

from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import joined, read_days
from notifier.outbox.operator.totals import listed_deliveries, snapshot
from notifier.outbox.statements import statement

_LEAST_FAILURES = 2
"""A delivery that is retried counts from its second failure: after one, the error may have passed."""

_FAILING = {
    False: statement(__package__, "failing_routes.sql", candidates="{all_deliveries}"),
    True: statement(__package__, "failing_routes.sql", candidates=listed_deliveries("failed", "pending")),
}
"""By whether the search terms of the days are listed."""


def failing(engine: Engine, days: int) -> list[dict[str, Any]]:
    """Return the failing routes of events of the last `days` days, by channel, the newest failure first.

    Each row has the number of deliveries that `failed`, of those that are `retried` after two errors, and the time,
    the id and the reason of the newest one. Failures that an operator has acknowledged are left out.

    Listed days are looked up by their search terms; of the others all deliveries are read.
    """
    with snapshot(engine) as connection:
        found = [each for each in read_days(connection) if each.may_hold(("failed", "pending"))][-days - 1 :]
        rows: list[Mapping[str, Any]] = []
        for listed, query in _FAILING.items():
            if some := joined(each for each in found if each.listed is listed):
                answer = connection.execute(within_days(query, some), {"tries": _LEAST_FAILURES})
                rows += [dict(row) for row in answer.mappings()]
    return merged(rows)


def merged(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each route and channel: sums, and what is the newest; the newest failure first."""
    routes: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda each: each["newest_at"], reverse=True):
        known = routes.setdefault((row["channel"], row["route"]), {**row, "failed": 0, "retried": 0})
        known["failed"] += row["failed"]
        known["retried"] += row["retried"]
    return list(routes.values())
