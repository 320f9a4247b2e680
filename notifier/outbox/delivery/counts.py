"""Counters of deliveries by channel, route and status, for metrics.

A worker counts in memory and adds its counts to the table every few seconds, in a statement of its own: statements on
deliveries stay as cheap as they are. Counts that a killed worker had not added are lost; the rows of the outbox are
exact.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from notifier.outbox.statements import statement

MOST_COUNTERS = 2_000
"""Counts in the metrics, the largest ones: the rows of routes that were renamed are never deleted."""

_ADD = statement(__package__, "add_counts.sql")
_READ = statement(__package__, "read_counts.sql", limit=str(MOST_COUNTERS))

SCHEDULED = "scheduled"
"""Counted instead of `pending`: the route returned `Later`. Also the kind of the delivery's row in `due`."""

LIMITED = "limited"
"""Counted in addition to `skipped` or SCHEDULED: the delivery was beyond the limit of its route."""

ROUTE_ERROR = "route error"
"""Counted in addition to a status: the route or its template failed. The delivery is retried or becomes failed."""


class CountKey(NamedTuple):
    """What has one counter. `status` is that of the delivery (`pending`: it is retried), SCHEDULED, LIMITED
    or ROUTE_ERROR.
    """

    channel: str
    route: str
    status: str


class DeliveryCounts:
    """The counters of all workers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, counts: Mapping[CountKey, int]) -> None:
        """Add to the counters. If this raises because the answer was lost, they may have been added."""
        ordered = sorted(counts)  # so that two workers do not end in a deadlock
        values = {
            "channels": [each.channel for each in ordered],
            "routes": [each.route for each in ordered],
            "statuses": [each.status for each in ordered],
            "counts": [counts[each] for each in ordered],
        }
        with self._engine.begin() as connection:
            connection.execute(_ADD, values)

    def all(self) -> dict[CountKey, int]:
        """Return the counters: see `read_counts`."""
        with self._engine.connect() as connection:
            return read_counts(connection)


def read_counts(connection: Connection) -> dict[CountKey, int]:
    """All counters, or the 2,000 largest if there are more."""
    return {CountKey(*row[:3]): row[3] for row in connection.execute(_READ)}
