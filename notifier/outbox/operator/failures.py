"""Failing routes: an error of the route, or of its template, keeps their deliveries from being sent."""

from typing import Any

from sqlalchemy import Engine

from notifier.outbox.days import within_days
from notifier.outbox.history.calendar import joined, read_days
from notifier.outbox.operator.totals import snapshot
from notifier.outbox.statements import statement

_LEAST_FAILURES = 2
"""A delivery that is retried counts from its second failure: after one, the error may have passed."""

_FAILING = statement(__package__, "failing_routes.sql")


def failing(engine: Engine, days: int) -> list[dict[str, Any]]:
    """Return the failing routes of events of the last `days` days, by channel, the newest failure first.

    Each row has the number of deliveries that `failed`, of those that are `retried` after two errors, and the time,
    the id and the reason of the newest one. Failures that an operator has acknowledged are left out.
    """
    with snapshot(engine) as connection:
        found = [each for each in read_days(connection) if each.may_hold(("failed", "pending"))][-days - 1 :]
        bounded = within_days(_FAILING, joined(found))
        return [dict(row) for row in connection.execute(bounded, {"tries": _LEAST_FAILURES}).mappings()]
